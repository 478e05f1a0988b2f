#compdef pulse
# Completion of pulse for zsh: made by `pulse completion zsh`, not by hand.

_pulse_collections() {
  local folder="${XDG_DATA_HOME:-$HOME/.local/share}/pulse"
  local -a found=($folder/*(N/:t))
  compadd -a found
}

_pulse() {
  local state line
  _arguments -S \
    '*-V[Show the version and exit]' \
    '*--version[Show the version and exit]' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '1: :->command' \
    '*::argument:->arguments' && return
  case $state in
    command)
      local -a commands=(
        'index:Index crawled pages, or go on with a run that was stopped.'
        'crawl:Crawl a site with Firecrawl and index its pages as they come.'
        'search:Search the indexed pages, by meaning (vectors) and by words (BM25).'
        'ls:List the collections, or show the pages of one by host, language and age.'
        'stats:Show how much a collection holds, and how large its chunks are.'
        'show:Show what is stored of a page\: metadata, sections, chunks, and which run wrote it.'
        'copy:Copy a collection\: from a folder to a server, from server to server, or back.'
        'export:Write the pages of an index as JSON lines in Firecrawl'\''s shape, or its chunks.'
        'drop:Remove a collection with all its pages, or an alias, after a question.'
        'mcp:Give agents the tools search, get_page and list_sources (MCP over stdio).'
        'serve:Take Firecrawl'\''s events over HTTP, index their pages, and answer searches.'
        'status:Show the state of every run, the command that resumes it, and recent failures.'
        'bench:Measure how fast pulse is, and find the bottleneck.'
        'delete:Remove pages from the index, with all their chunks.'
        'forget:Remove checkpoints, dead letters and logged starts of runs; the index stays as it is.'
        'doctor:Check services, limits, index, disk and state folder, and say how to fix what is wrong.'
        'completion:Print the completion script of a shell.'
        'bm25:Make or export the rank-bm25 view of an index.'
        'config:Show or describe the settings, or write a settings file.'
      )
      _describe command commands ;;
    arguments)
      case $line[1] in
        index) _pulse_index ;;
        crawl) _pulse_crawl ;;
        search) _pulse_search ;;
        ls) _pulse_ls ;;
        stats) _pulse_stats ;;
        show) _pulse_show ;;
        copy) _pulse_copy ;;
        export) _pulse_export ;;
        drop) _pulse_drop ;;
        mcp) _pulse_mcp ;;
        serve) _pulse_serve ;;
        status) _pulse_status ;;
        bench) _pulse_bench ;;
        delete) _pulse_delete ;;
        forget) _pulse_forget ;;
        doctor) _pulse_doctor ;;
        completion) _pulse_completion ;;
        bm25) _pulse_bm25 ;;
        config) _pulse_config ;;
      esac ;;
  esac
}

_pulse_index() {
  _arguments -S \
    '*--limit[Stop after N records]:value:' \
    '*--restart[Drop the checkpoint and begin anew]' \
    '*--force[Embed unchanged pages again, too]' \
    '*--prune[At the end, remove pages of the same hosts that the crawl no longer holds]' \
    '*--scope[Prune only pages below this URL]:value:' \
    '*--yes[Prune even more than --max-prune]' \
    '*--alias[When complete, make NAME an alias of this index]:collection:_pulse_collections' \
    '*--workers[Index with N processes of this machine; auto\: one for each core]:value:' \
    '*--dry-run[Read, clean and chunk; write nothing (--prune reads the index)]' \
    '*--json[Print one JSON object]' \
    '*-q[Errors only]' \
    '*--quiet[Errors only]' \
    '*-v[Say more]' \
    '*--verbose[Say more]' \
    '*--include[Index only URLs that match; repeatable]:value:' \
    '*--exclude[Skip URLs that match; repeatable]:value:' \
    '*--url[The address of raw markdown or HTML]:value:' \
    '*--min-chars[Skip pages with less text]:value:' \
    '*--include-errors[Index pages of status >= 400, too]' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--firecrawl[Address of the Firecrawl API]:value:' \
    '*--concurrency[Embed requests in flight; default\: adapted]:value:' \
    '*--give-up-after[Wait this long for a service]:value:' \
    '*--max-dead[Stop when more records are dead letters]:value:' \
    '*--max-prune[Refuse to prune more pages of a host]:value:' \
    '*--on-changed-source[What to do when the input of an unfinished run has changed]:value:(refuse restart)' \
    '*--wait-lock[Wait this long for another run]:value:' \
    '*--queue[Redis, whose pulse workers do the work]:value:' \
    '*--bulk[Build the search graph after the load]' \
    '*--progress[How progress is shown on stderr]:value:(auto rich plain json none)' \
    '*--log-file[Append messages to this file]:file:_files' \
    '*--log-format[Format of the log and of lines on stderr]:value:(text json)' \
    '*--metrics-file[Write metrics for Prometheus]:file:_files' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_crawl() {
  _arguments -S \
    '*--limit[Crawl N pages at most; default\: 10,000]:value:' \
    '*--include-paths[Crawl only paths that match]:value:' \
    '*--exclude-paths[Crawl no paths that match]:value:' \
    '*--option[Any option of Firecrawl'\''s crawl; VALUE is JSON or text]:value:' \
    '*--restart[Start another crawl, even if one is unfinished]' \
    '*--force[Embed unchanged pages again, too]' \
    '*--prune[At the end, remove pages of the same hosts that the crawl no longer holds]' \
    '*--scope[Prune only pages below this URL]:value:' \
    '*--yes[Prune even more than --max-prune]' \
    '*--alias[When complete, make NAME an alias of this index]:collection:_pulse_collections' \
    '*--json[Print one JSON object]' \
    '*-q[Errors only]' \
    '*--quiet[Errors only]' \
    '*-v[Say more]' \
    '*--verbose[Say more]' \
    '*--include[Index only URLs that match; repeatable]:value:' \
    '*--exclude[Skip URLs that match; repeatable]:value:' \
    '*--min-chars[Skip pages with less text]:value:' \
    '*--include-errors[Index pages of status >= 400, too]' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--firecrawl[Address of the Firecrawl API]:value:' \
    '*--concurrency[Embed requests in flight; default\: adapted]:value:' \
    '*--give-up-after[Wait this long for a service]:value:' \
    '*--max-dead[Stop when more records are dead letters]:value:' \
    '*--max-prune[Refuse to prune more pages of a host]:value:' \
    '*--on-changed-source[What to do when the input of an unfinished run has changed]:value:(refuse restart)' \
    '*--wait-lock[Wait this long for another run]:value:' \
    '*--bulk[Build the search graph after the load]' \
    '*--progress[How progress is shown on stderr]:value:(auto rich plain json none)' \
    '*--log-file[Append messages to this file]:file:_files' \
    '*--log-format[Format of the log and of lines on stderr]:value:(text json)' \
    '*--metrics-file[Write metrics for Prometheus]:file:_files' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_search() {
  _arguments -S \
    '*--filter[Only pages whose domain, language, country, isMobile or url (a prefix with *) is VALUE; repeatable]:value:{compadd -S "" -- domain= language= country= isMobile= url= url_prefix=}' \
    '*--explain[Show what vectors, BM25 and word order add to the score of each page]' \
    '*--urls-only[Print only the addresses, best first]' \
    '*--open[Open the N-th page in the browser]:value:' \
    '*--json[Print one JSON object]' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--mode[What to search by]:value:(hybrid vector bm25)' \
    '*--limit[How many pages to show]:value:' \
    '*--min-score[No pages below this score (0 to 100 %)]:value:' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_ls() {
  _arguments -S \
    '*--urls[Print the address of every page, one a line]' \
    '*--json[Print one JSON object]' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_stats() {
  _arguments -S \
    '*--json[Print one JSON object]' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_show() {
  _arguments -S \
    '*--text[Print only the text of the page]' \
    '*--json[Print one JSON object]' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_copy() {
  _arguments -S \
    '*--filter[Only pages whose domain, language, country, isMobile or url (a prefix with *) is VALUE; repeatable]:value:{compadd -S "" -- domain= language= country= isMobile= url= url_prefix=}' \
    '*--json[Print one JSON object]' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--give-up-after[Wait this long for a service]:value:' \
    '*--wait-lock[Wait this long for another run]:value:' \
    '*--bulk[Build the search graph after the load]' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_export() {
  _arguments -S \
    '*-o[The file to write; default\: standard output. *.parquet is written as Parquet]:file:_files' \
    '*--output[The file to write; default\: standard output. *.parquet is written as Parquet]:file:_files' \
    '*--chunks[Export chunks as stored, not pages]' \
    '*--vectors[Export the vectors of chunks, too]' \
    '*--filter[Only pages whose domain, language, country, isMobile or url (a prefix with *) is VALUE; repeatable]:value:{compadd -S "" -- domain= language= country= isMobile= url= url_prefix=}' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_drop() {
  _arguments -S \
    '*--yes[Do not ask]' \
    '*--json[Print one JSON object]' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--wait-lock[Wait this long for another run]:value:' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_mcp() {
  _arguments -S \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_serve() {
  _arguments -S \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--host[Address to listen on]:value:' \
    '*--port[Port to listen on]:value:' \
    '*--log-file[Append messages to this file]:file:_files' \
    '*--log-format[Format of the log and of lines on stderr]:value:(text json)' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_status() {
  _arguments -S \
    '*--all[Show more than fits on the screen]' \
    '*--hours[How many hours of past runs to show]:value:' \
    '*--json[Print one JSON object]' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_bench() {
  _arguments -S \
    '*--corpus[Pages to index; default\: generated]:value:' \
    '*--documents[Number of generated pages]:value:' \
    '*--chars[Median length of a generated page]:value:' \
    '*--seed[Seed of the generated pages]:value:' \
    '*--profile[l4, h100, cpu, original, eight-slots, eight-slots-x10, instant; repeatable]:value:(original l4 h100 cpu eight-slots eight-slots-x10 instant)' \
    '*--live[Measure the configured services, in a temporary collection]' \
    '*--dimension[Dimension of the simulated vectors]:value:' \
    '*--disturbed[Vary latencies tenfold; 1 % of requests take 20 times as long]' \
    '*--seconds[Length of a run; 0\: index the corpus once]:value:' \
    '*--runs[Runs of each profile]:value:' \
    '*--quick[60 pages, once\: a short try, no measurement]' \
    '*--baseline[Compare with the pipeline of the original service; repeatable]:value:' \
    '*--rerun[Index the unchanged corpus again (--seconds 0)]' \
    '*--bare[Leave out token counting and BM25]' \
    '*--sweep[Measure with each value in turn\: concurrency=1,2,4,8]:value:' \
    '*--stage[Measure one stage alone, on one core]:value:(read prepare)' \
    '*--quality[Measure how well known pages are found, with the configured model]' \
    '*--queries[Number of queries of --quality]:value:' \
    '*--soak[Index for this long over services that fail at times; report what grows]:value:' \
    '*--json[Print one JSON object]' \
    '*--save[Save the report as JSON]:file:_files' \
    '*--against[Compare with a saved report; exit 1 if worse]:file:_files' \
    '*--threshold[How much worse counts as worse]:value:' \
    '*--html[Write a page with plots]:file:_files' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--concurrency[Embed requests in flight; default\: adapted]:value:' \
    '*--bulk[Build the search graph after the load]' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_delete() {
  _arguments -S \
    '*--prefix[Pages whose address begins with this]:value:' \
    '*--host[Pages of this host]:value:' \
    '*--older-than[Pages last written longer ago, e.g. 30d (an unchanged page keeps its date)]:value:' \
    '*--dry-run[Only say which pages would be deleted]' \
    '*--yes[Do not ask]' \
    '*--json[Print one JSON object]' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--wait-lock[Wait this long for another run]:value:' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_forget() {
  _arguments -S \
    '*--older-than[Runs last saved, and dead letters written, longer ago, e.g. 30d]:value:' \
    '*--dry-run[Only say what would be removed]' \
    '*--yes[Do not ask]' \
    '*--json[Print one JSON object]' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_doctor() {
  _arguments -S \
    '*--json[Print one JSON object]' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_completion() {
  _arguments -S \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '1:choice:(bash zsh fish)'
}

_pulse_bm25() {
  local state line
  _arguments -S \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '1: :->command' \
    '*::argument:->arguments' && return
  case $state in
    command)
      local -a commands=(
        'rebuild:Make the rank-bm25 view anew from what the index holds.'
        'export:Write the view as the index.pkl that the original service loads.'
      )
      _describe command commands ;;
    arguments)
      case $line[1] in
        rebuild) _pulse_bm25_rebuild ;;
        export) _pulse_bm25_export ;;
      esac ;;
  esac
}

_pulse_bm25_rebuild() {
  _arguments -S \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_bm25_export() {
  _arguments -S \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_config() {
  local state line
  _arguments -S \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '1: :->command' \
    '*::argument:->arguments' && return
  case $state in
    command)
      local -a commands=(
        'show:Show every effective setting and its origin; secrets are masked.'
        'init:Write a settings file with every setting, its default and its meaning, commented out.'
        'schema:Print the JSON Schema of pulse.yaml, for editors that check and complete YAML.'
      )
      _describe command commands ;;
    arguments)
      case $line[1] in
        show) _pulse_config_show ;;
        init) _pulse_config_init ;;
        schema) _pulse_config_schema ;;
      esac ;;
  esac
}

_pulse_config_show() {
  _arguments -S \
    '*--json[Print one JSON object]' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:{compadd -S "" -- state_dir= embed.url= embed.model= embed.model_path= embed.document_prefix= embed.query_prefix= embed.timeout= embed.batch= embed.max_tokens= chunk.max_tokens= chunk.overlap_tokens= chunk.context= chunk.tokenizer= qdrant.url= qdrant.collection= qdrant.timeout= qdrant.on_disk= qdrant.quantization= qdrant.shards= qdrant.bulk= bm25.engine= bm25.language= bm25.k= bm25.b= bm25.avg_len= source.include= source.exclude= source.min_chars= source.include_errors= source.base_url= source.map= source.max_record= source.max_expanded= run.concurrency= run.give_up_after= run.max_dead= run.max_prune= run.on_changed_source= run.wait_lock= run.metrics_file= search.mode= search.limit= search.min_score= search.rerank= search.rerank_model= search.fusion= search.vector_weight= search.bm25_weight= search.phrase_weight= search.rrf_k= network.trust_env= firecrawl.url= objects.endpoint= objects.instance_role= objects.timeout= serve.host= serve.port= serve.worker= serve.max_body= serve.max_backlog= serve.keep_results= serve.prune= records.keep= queue.url= queue.priority= fleet.retries= fleet.shard= fleet.lost_after= log.file= log.format= output.progress=}' \
    '*--config[Settings file; default\: ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

_pulse_config_init() {
  _arguments -S \
    '*--force[Replace an existing file]' \
    '*-h[Show this page.]' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_config_schema() {
  _arguments -S \
    '*-h[Show this page.]' \
    '*--help[Show this page.]'
}

if [[ $funcstack[1] == _pulse ]]; then
  _pulse "$@"
else
  compdef _pulse pulse
fi
