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
    '*--version[Show the version and exit]' \
    '*--help[Show this page.]' \
    '1: :->command' \
    '*::argument:->arguments' && return
  case $state in
    command)
      local -a commands=(
        'index:Index crawled pages, or go on with a run that was stopped.'
        'search:Search the pages that were indexed, by meaning and by words.'
        'status:Show every run that left a checkpoint\: how far it came, and the command that goes on.'
        'completion:Print the completion script of a shell.'
        'config:Show, begin or describe the settings.'
      )
      _describe command commands ;;
    arguments)
      case $line[1] in
        index) _pulse_index ;;
        search) _pulse_search ;;
        status) _pulse_status ;;
        completion) _pulse_completion ;;
        config) _pulse_config ;;
      esac ;;
  esac
}

_pulse_index() {
  _arguments -S \
    '*--limit[Stop after N records]:value:' \
    '*--restart[Forget the checkpoint, begin anew]' \
    '*--force[Embed unchanged pages again, too]' \
    '*--dry-run[Read, clean and chunk; touch no service]' \
    '*--json[Print one JSON object]' \
    '*-q[Errors only]' \
    '*--quiet[Errors only]' \
    '*-v[Say more]' \
    '*--verbose[Say more]' \
    '*--include[Only URLs that match; repeatable]:value:' \
    '*--exclude[No URLs that match; repeatable]:value:' \
    '*--url[The address of raw markdown]:value:' \
    '*--min-chars[Skip pages with less text]:value:' \
    '*--include-errors[Also pages of status >= 400]' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--concurrency[Embed requests in flight; else found]:value:' \
    '*--give-up-after[Wait this long for a service]:value:' \
    '*--max-dead[Stop when more records are dead]:value:' \
    '*--on-changed-source[When the input of an unfinished run has changed]:value:(refuse restart)' \
    '*--wait-lock[Wait this long for another run]:value:' \
    '*--bulk[Build the vector index after the load]' \
    '*--progress[How progress is shown on stderr]:value:(auto rich plain json none)' \
    '*--log-file[Append messages to this file]:file:_files' \
    '*--log-format[Of the log, and of lines on stderr]:value:(text json)' \
    '*--metrics-file[Figures for Prometheus]:file:_files' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:' \
    '*--config[Settings; else ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_search() {
  _arguments -S \
    '*--filter[Only pages whose domain, language, country, isMobile or url (a beginning) is VALUE; repeatable]:value:' \
    '*--json[Print one JSON object]' \
    '*--tei[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--embed[local, a TEI server, or openai+http\://HOST]:value:' \
    '*--qdrant[A Qdrant server, or a folder]:folder:_files -/' \
    '*--collection[Which index]:collection:_pulse_collections' \
    '*--mode[What to ask]:value:(hybrid vector bm25)' \
    '*--limit[How many pages to show]:value:' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:' \
    '*--config[Settings; else ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*--help[Show this page.]'
}

_pulse_status() {
  _arguments -S \
    '*--json[Print one JSON object]' \
    '*--state-dir[Where checkpoints and dead letters are]:folder:_files -/' \
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:' \
    '*--config[Settings; else ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*--help[Show this page.]'
}

_pulse_completion() {
  _arguments -S \
    '*--help[Show this page.]' \
    '1:choice:(bash zsh fish)'
}

_pulse_config() {
  local state line
  _arguments -S \
    '*--help[Show this page.]' \
    '1: :->command' \
    '*::argument:->arguments' && return
  case $state in
    command)
      local -a commands=(
        'show:Show every effective setting and where it came from; secrets are masked.'
        'init:Write a settings file with every setting, its default and why, all commented out.'
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
    '*--set[Any setting, e.g. chunk.max_tokens=512]:value:' \
    '*--config[Settings; else ./pulse.yaml, else ~/.config/pulse/pulse.yaml]:file:_files' \
    '*--help[Show this page.]'
}

_pulse_config_init() {
  _arguments -S \
    '*--force[Replace an existing file]' \
    '*--help[Show this page.]' \
    '*:file:_files'
}

_pulse_config_schema() {
  _arguments -S \
    '*--help[Show this page.]'
}

if [[ $funcstack[1] == _pulse ]]; then
  _pulse "$@"
else
  compdef _pulse pulse
fi
