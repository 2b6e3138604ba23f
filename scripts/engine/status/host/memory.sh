# shellcheck shell=dash
mib() { awk -v name="$1:" '$1 == name { print int($2 / 1024) }' /proc/meminfo; }
total=$(mib MemTotal) available=$(mib MemAvailable) swap=$(mib SwapTotal) free=$(mib SwapFree)
text="$available of $total MiB available, $((swap - free)) of $swap MiB of swap used"
cure="HOST -- 'ps -eo rss,user,args --sort=-rss | head' shows what takes it. app.limits.memory bounds an app."
if [ $((available * 100)) -lt $((total * 4)) ]; then bad "$text" "$cure"
elif [ $((available * 100)) -lt $((total * 8)) ]; then warning "$text" "$cure"
else good "$text"; fi
killed=$(journalctl -q -k -b --since '24 hours ago' -g 'Killed process' -o cat 2>/dev/null | grep -c .)
[ "$killed" = 0 ] || warning "the kernel has killed $killed processes for memory in the last 24 hours" "HOST -- \"journalctl -k -g 'Killed process'\" shows which."
