#!/bin/sh
# stand-in NAME PORT...
name=$1
shift
for port in "$@"; do
  for listen in "TCP4-LISTEN:$port" "TCP6-LISTEN:$port,ipv6only=1"; do
    socat "$listen,fork,reuseaddr" "SYSTEM:echo $name on port $port sees \$SOCAT_PEERADDR" &
  done
done
wait
