# Makes this zsh print what it would offer: SCRIPT
autoload -Uz compinit
compinit -u -D
source $1
compadd() {
  # With -O, -A or -D nothing is offered: _arguments only asks which of its words match.
  [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
  local -a offered
  builtin compadd -A offered "$@"
  print -rl -- '' OFFER:$^offered
}
tell-done() { print TYPIST DONE }
comppostfuncs=(tell-done)
bindkey '^I' complete-word
print TYPIST RE''ADY
