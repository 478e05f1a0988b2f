"""Texts on which tokenizers that are not the same one disagree.

Whoever counts tokens must agree with the model's own tokenizer on all of these before it
is used. Written for this purpose; every line is there because some implementation of some
step (normalising, splitting, merging, matching added tokens) gets such text wrong.
"""

# ruff: noqa: E501, RUF001 - look-alike characters are the point; a text is easier read whole

from __future__ import annotations

HARD_SAMPLE: tuple[str, ...] = (
    # Prose, white space of all kinds, empty and nearly empty texts.
    "The kettle boils at 100 °C; at 3,000 m above the sea it boils sooner, near 90 °C.",
    "It's the baker's: we'll say they'd've known, wouldn't we? 'Tis so. IT'S, WE'LL, I'M.",
    "a",
    " ",
    "\n",
    "  two  spaces   three    four     five, then a tab\tand\t\ttwo, then lines\n\n\n  end  ",
    "    indented\n\tby tab\n        deeper\r\nline ends\rof\nall kinds\v\f\x85\u2028\u2029done",
    "no\u00a0break thin\u2009space hair\u200aspace ideographic\u3000space narrow\u202fspace\u1680ogham",
    # Code, markup, numbers, identifiers.
    "def f(x: int = 0x7F) -> list[int]:\n    return [x ** i for i in range(10) if i % 2 != 0]\n",
    "for(i=0;i<n;++i){a[i]+=b[i]*c[i];}//no spaces && `ticks` || ${template} <%= erb %> @decorator",
    "SELECT t.\"name\", COUNT(*) FROM logs AS t WHERE t.at >= '2024-02-29' GROUP BY 1; -- note",
    "| left | centre | right |\n|:-----|:------:|------:|\n| 1 | `a|b` | **3.14159** |\n\n---\n***\n",
    "https://user@example.org:8443/a/b_c-d.html?q=%E4%BD%A0&x[]=1&y=~2#frag mailto:x.y+z@example.co",
    "HTTPServer2 parseJSONResponse snake_case_name kebab-case-name SCREAMING_CASE v1.2.3-rc.4+build",
    "1 12 123 1234 12345 123456 1234567 1,234,567.89 1e-10 0b1010 ½ ² ³ ₄ Ⅷ ① ٣٤٥ ३४५ 一二三",
    '<div class="a">&amp; &nbsp; &#x27;</div><!-- comment --><br/>\\n \\u0041 \\\\server\\share',
    "!!! ??? ... …… -- --- –—― “quotes” ‘single’ «guillemets» „low“ ¿qué? ¡sí! ‹x› † ‡ § ¶ • ·",
    "${{ matrix.os }} %s %d {0!r:>10} $HOME ~/.config C:\\Users\\x *.py [^1]: [x](y) ![z](w) \\[a\\]",
    # Special and added tokens of many models, written in the text.
    "[CLS] [SEP] [MASK] [PAD] [UNK] [cls] [unused1] [CLS][SEP] a[MASK]b <s> </s> <pad> <unk> <mask>",
    "<|endoftext|> <|im_start|>user\nhello<|im_end|> <|begin_of_text|> <0x41> <|fim_prefix|> ▁under ##ing",
    # Scripts: CJK, Korean, Thai, Indic, right to left, Cyrillic, Greek, Georgian, rare ones.
    "今日は天気がいいので、公園を三十分ほど散歩しました。カタカナとﾊﾝｶｸ、ひらがな。「引用」…",
    "这是一个没有空格的句子,里面有English单词和123数字,还有标点。繁體字:龍鳳龜。㐀㐁𠀀𠮷",
    "한국어 문장은 띄어쓰기가 있다. \u1112\u1161\u11ab\u1100\u1173\u11af 자모도 있다. ㄱㄴㄷ ㅏㅑ",
    "ภาษาไทยเขียนติดกันโดยไม่มีช่องว่าง ຂ້ອຍ ភាសាខ្មែរ မြန်မာဘာသာ བོད་སྐད།",
    "हिन्दी में संयुक्ताक्षर क्ष त्र ज्ञ और मात्राएँ होती हैं। தமிழ் తెలుగు ಕನ್ನಡ മലയാളം বাংলা",
    "نص عربي مع تشكيل: مُدَرِّسَةٌ، وأرقام ٠١٢ و ﻻ ﷺ. فارسی می\u200cخواهم. עברית עם נִקּוּד. اردو",
    "Съешь ещё этих мягких булок; Ёж, йод, Ўзбек, Українська ґанок. Ѣ ѳ ҂ ꙮ",
    "Ξεσκεπάζω τὴν ψυχοφθόρα βδελυγμία: ΟΔΥΣΣΕΥΣ, ὈΔΥΣΣΕΎΣ, σς Σ. ἄλφα ᾳ ΐ",
    "ქართული ენა ᲥᲐᲠᲗᲣᲚᲘ Հայերեն և ﬓ አማርኛ ᏣᎳᎩ ꮳꮃꭹ ᚠᚢᚦ 𐌰𐌱 𒀀𒁀 𓀀𓁐 𐍈",
    # Case mapping, accents, composed and decomposed, compatibility forms.
    "İstanbul Iğdır ıI ŞŞ şş Ǆ ǅ ǆ ß ẞ ﬁ ﬂ ﬃ ŉ ĳ Å Å K Ω ſ ꟼ",
    "café cafe\u0301 naïve nai\u0308ve Ångström A\u030angstro\u0308m São Tomé Đặng Thị ệ e\u0302\u0323 e\u0323\u0302",
    "Ｆｕｌｌｗｉｄｔｈ ＡＢＣ１２３ ａｂｃ！？ ｶﾞ ㌔ ㍿ ℃ ™ © ® № ℡ ﷽ ㎏ 𝐁𝐨𝐥𝐝 𝓈𝒸𝓇𝒾𝓅𝓉 𝕊 🄰 ⓐ",
    "x\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309\u030a\u030b\u030c y\u0338 \u0301lonely a\u20dd\u20e3 \u0345",
    # Emoji: sequences, skin tones, flags, keycaps, presentation selectors.
    "👍 👍🏽 👩‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇯🇵🇺 ❤️ ❤ ☎︎ 1️⃣ #️⃣ 🫠 🧑🏿‍🦲 ⛹🏻‍♀️ text😀text😀😀",
    # Controls, zero-width and other invisible characters, unassigned and private ones.
    "nul\x00 bell\x07 esc\x1b[31m del\x7f c1\x80\x9f soft\u00adhyphen zw\u200bsp zwj\u200d bom\ufeff word\u2060joiner",
    "\u202eright to left override\u202c \u2066isolate\u2069 \u061c\u200f\u200e mark \ufffd \ufffc \ufff9a\ufffab\ufffb",
    "private \ue000\uf8ff \U000f0000 unassigned \u0378 \U000323b0 noncharacter \ufdd0 tags \U000e0041\U000e007f",
    "before\x1cfile\x1dgroup\x1erecord\x1funit separators\u180eand a vowel separator",
    # Words too long for WordPiece (100 characters and around it), runs, minified data.
    "a" * 99 + " " + "b" * 100 + " " + "c" * 101 + " " + "d" * 1000,
    "é" * 99 + " " + "é" * 100 + " " + "é" * 101 + " " + "ß" * 100 + "漢" * 120,
    "Pneumonoultramicroscopicsilicovolcanoconiosis Donaudampfschifffahrtselektrizitätenhauptbetriebswerk",
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    "=" * 80
    + "\n"
    + "-" * 79
    + "\n"
    + "*" * 33
    + "_" * 17
    + "#" * 9
    + " " * 64
    + "." * 100
    + "\n" * 20
    + "x",
    '{"a":[1,2,{"b":null,"c":"\\u00e9"}],"d":-0.5e3,"e":true}' * 3,
    "aaaaaaaabbbbbbbbaaaaaaaabbbbbbbb" * 8 + "0123456789" * 20 + "ABABABAB" * 16 + "的的的的" * 16,
)
