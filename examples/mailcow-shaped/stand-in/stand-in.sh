#!/bin/sh
# stand-in NAME PORT...
name=$1
shift
for port in "$@"; do
  socat "TCP6-LISTEN:$port,ipv6only=0,fork,reuseaddr" \
    "SYSTEM:echo $name on port $port sees \$SOCAT_PEERADDR" &
done
wait
