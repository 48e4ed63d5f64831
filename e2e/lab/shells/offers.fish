# What fish offers after a line: SCRIPT LINE
source $argv[1]
complete --do-complete=$argv[2] | cut -f 1
