# Completion of pulse for bash: made by `pulse completion bash`, not by hand.

_pulse_flags() {
  case "$1" in
    "") echo "-V --version -h --help" ;;
    "index") echo "--limit --restart --force --prune --scope --yes --alias --workers --dry-run --json -q --quiet -v --verbose --include --exclude --url --min-chars --include-errors --tei --embed --qdrant --collection --firecrawl --concurrency --give-up-after --max-dead --max-prune --on-changed-source --wait-lock --queue --bulk --progress --log-file --log-format --metrics-file --state-dir --set --config -h --help" ;;
    "crawl") echo "--limit --include-paths --exclude-paths --option --restart --force --prune --scope --yes --alias --json -q --quiet -v --verbose --include --exclude --min-chars --include-errors --tei --embed --qdrant --collection --firecrawl --concurrency --give-up-after --max-dead --max-prune --on-changed-source --wait-lock --bulk --progress --log-file --log-format --metrics-file --state-dir --set --config -h --help" ;;
    "search") echo "--filter --explain --urls-only --open --json --tei --embed --qdrant --collection --mode --limit --min-score --set --config -h --help" ;;
    "ls") echo "--urls --json --qdrant --set --config -h --help" ;;
    "stats") echo "--json --qdrant --collection --set --config -h --help" ;;
    "show") echo "--text --json --qdrant --collection --state-dir --set --config -h --help" ;;
    "copy") echo "--filter --json --qdrant --give-up-after --wait-lock --bulk --state-dir --set --config -h --help" ;;
    "export") echo "-o --output --chunks --vectors --filter --qdrant --collection --state-dir --set --config -h --help" ;;
    "drop") echo "--yes --json --qdrant --wait-lock --state-dir --set --config -h --help" ;;
    "mcp") echo "--tei --embed --qdrant --collection --state-dir --set --config -h --help" ;;
    "serve") echo "--tei --embed --qdrant --collection --host --port --log-file --log-format --state-dir --set --config -h --help" ;;
    "status") echo "--all --hours --json --state-dir --set --config -h --help" ;;
    "bench") echo "--corpus --documents --chars --seed --profile --live --dimension --disturbed --seconds --runs --quick --baseline --rerun --bare --sweep --stage --quality --queries --soak --json --save --against --threshold --html --tei --embed --qdrant --collection --concurrency --bulk --set --config -h --help" ;;
    "delete") echo "--prefix --host --older-than --dry-run --yes --json --qdrant --collection --wait-lock --state-dir --set --config -h --help" ;;
    "forget") echo "--older-than --dry-run --yes --json --state-dir --set --config -h --help" ;;
    "doctor") echo "--json --tei --embed --qdrant --collection --state-dir --set --config -h --help" ;;
    "completion") echo "-h --help" ;;
    "bm25") echo "-h --help" ;;
    "bm25 rebuild") echo "--qdrant --collection --set --config -h --help" ;;
    "bm25 export") echo "--qdrant --collection --set --config -h --help" ;;
    "config") echo "-h --help" ;;
    "config show") echo "--json --set --config -h --help" ;;
    "config init") echo "--force -h --help" ;;
    "config schema") echo "-h --help" ;;
  esac
}

_pulse_words() {
  case "$1" in
    "") echo "index crawl search ls stats show copy export drop mcp serve status bench delete forget doctor completion bm25 config" ;;
    "completion") echo "bash zsh fish" ;;
    "bm25") echo "rebuild export" ;;
    "config") echo "show init schema" ;;
  esac
}

_pulse_kind() { # of the value that the flag $1 takes
  case "$1" in
    --against) echo "file" ;;
    --alias) echo "collection" ;;
    --baseline) echo "other" ;;
    --chars) echo "other" ;;
    --collection) echo "collection" ;;
    --concurrency) echo "other" ;;
    --config) echo "file" ;;
    --corpus) echo "other" ;;
    --dimension) echo "other" ;;
    --documents) echo "other" ;;
    --embed) echo "other" ;;
    --exclude) echo "other" ;;
    --exclude-paths) echo "other" ;;
    --filter) echo "domain= language= country= isMobile= url= url_prefix=" ;;
    --firecrawl) echo "other" ;;
    --give-up-after) echo "other" ;;
    --host) echo "other" ;;
    --hours) echo "other" ;;
    --html) echo "file" ;;
    --include) echo "other" ;;
    --include-paths) echo "other" ;;
    --limit) echo "other" ;;
    --log-file) echo "file" ;;
    --log-format) echo "text json" ;;
    --max-dead) echo "other" ;;
    --max-prune) echo "other" ;;
    --metrics-file) echo "file" ;;
    --min-chars) echo "other" ;;
    --min-score) echo "other" ;;
    --mode) echo "hybrid vector bm25" ;;
    --older-than) echo "other" ;;
    --on-changed-source) echo "refuse restart" ;;
    --open) echo "other" ;;
    --option) echo "other" ;;
    --output) echo "file" ;;
    --port) echo "other" ;;
    --prefix) echo "other" ;;
    --profile) echo "original l4 h100 cpu eight-slots eight-slots-x10 instant" ;;
    --progress) echo "auto rich plain json none" ;;
    --qdrant) echo "folder" ;;
    --queries) echo "other" ;;
    --queue) echo "other" ;;
    --runs) echo "other" ;;
    --save) echo "file" ;;
    --scope) echo "other" ;;
    --seconds) echo "other" ;;
    --seed) echo "other" ;;
    --set) echo "state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=" ;;
    --soak) echo "other" ;;
    --stage) echo "read prepare" ;;
    --state-dir) echo "folder" ;;
    --sweep) echo "other" ;;
    --tei) echo "other" ;;
    --threshold) echo "other" ;;
    --url) echo "other" ;;
    --wait-lock) echo "other" ;;
    --workers) echo "other" ;;
    -o) echo "file" ;;
  esac
}

_pulse_files() { # like "compgen $1", but names with blanks stay whole
  local IFS=$'\n'
  COMPREPLY=($(compgen "$1" -- "$2"))
  compopt -o filenames 2>/dev/null
}

_pulse() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ $word != -* && -n $(_pulse_flags "${verb:+$verb }$word") ]]; then
      verb="${verb:+$verb }$word"
      [[ " bm25 config " == *" $verb "* ]] || break
    fi
  done
  COMPREPLY=()
  local kind
  kind=$(_pulse_kind "$prev")
  case "$kind" in
    file) _pulse_files -f "$cur"; return ;;
    folder) _pulse_files -d "$cur"; return ;;
    collection)
      COMPREPLY=($(compgen -W "$(command ls "${XDG_DATA_HOME:-$HOME/.local/share}/pulse" 2>/dev/null)" -- "$cur")); return ;;
    other) return ;;
    ?*)
      COMPREPLY=($(compgen -W "$kind" -- "$cur"))
      [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
      return ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$(_pulse_flags "$verb")" -- "$cur"))
    return
  fi
  local words
  words=$(_pulse_words "$verb")
  if [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    case "$verb" in
      "index") _pulse_files -f "$cur" ;;
      "status") _pulse_files -f "$cur" ;;
      "forget") _pulse_files -f "$cur" ;;
      "bm25 export") _pulse_files -f "$cur" ;;
      "config init") _pulse_files -f "$cur" ;;
    esac
  fi
}

complete -F _pulse pulse
