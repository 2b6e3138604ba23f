# shellcheck shell=dash
lists=$(find /var/lib/apt/lists -maxdepth 1 -name '*Release' -printf '%Ts\n' 2>/dev/null | sort -n | tail -n 1)
age=$((($(date +%s) - ${lists:-0}) / 86400))
# apt takes a second to say what it would do; the answer is kept until the lists or the packages change.
key="$lists $(stat -c %Y /var/lib/dpkg/status)" kept=/run/capstan-updates
read -r all security known <"$kept" 2>/dev/null || known=
if [ "$known" != "$key" ]; then
  said=$(apt-get -s -qq -o Debug::NoLocking=1 upgrade 2>/dev/null | grep '^Inst') || :
  all=$(printf '%s\n' "$said" | grep -c .) security=$(printf '%s\n' "$said" | grep -ci security)
  printf '%s %s %s\n' "$all" "$security" "$key" >"$kept.$$" && mv -f "$kept.$$" "$kept"
fi
if [ -z "$lists" ] || [ "$age" -ge 7 ]; then
  text="the lists of packages are missing"
  [ -z "$lists" ] || text="the lists of packages are $age days old"
  warning "$text" "HOST -- apt-get update shows why. base.upgrades has them read every day."
elif [ "$security" != 0 ]; then
  warning "$security of $all updates are for security" "unattended-upgrades installs them within a day. Now: HOST -- unattended-upgrade"
else good "$all updates pending, none for security"; fi
