# What zsh offers after a line: SCRIPT LINE. Completion needs a terminal, so the line is typed into a zsh that has one.
zmodload zsh/zpty
zpty typist zsh -f -i
zpty -w typist "source ${(q)0:A:h}/typist.zsh ${(q)1}"
zpty -r typist said '*TYPIST READY*'
zpty -w -n typist "$2"$'\t'
zpty -r typist said '*TYPIST DONE*'
print -rl -- ${${(M)${(f)said//$'\r'}:#OFFER:*}#OFFER:}
zpty -d typist
