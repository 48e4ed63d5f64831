#!/bin/sh
# stand-in NAME PORT...   (PORT: 25, or 1812/udp)
name=$1
shift
for port in "$@"; do
  number=${port%/udp}
  case $port in
    */udp) protocol=UDP option=-T5 ;;
    *) protocol=TCP option= ;;
  esac
  for listen in "${protocol}4-LISTEN:$number" "${protocol}6-LISTEN:$number,ipv6only=1"; do
    socat $option "$listen,fork,reuseaddr" "SYSTEM:echo $name on port $number sees \$SOCAT_PEERADDR" &
  done
done
wait
