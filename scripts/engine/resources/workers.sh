# shellcheck shell=dash disable=SC2046,SC2086
# What runs beside an app's server: units <app>.<worker>@<release>, of the live release alone. An app's name has no dot, so
# that no other's units are named so. APP is set. Where the host has no such unit, nothing here starts a process.

has_workers() { set -- "/etc/systemd/system/$APP".*@.service; [ -e "$1" ]; }
# worker_files: the templates that the host has; foobar.mail@.service.
worker_files() {
  for file_ in "/etc/systemd/system/$APP".*@.timer "/etc/systemd/system/$APP".*@.service; do
    [ ! -e "$file_" ] || printf '%s\n' "${file_##*/}"
  done
}
# worker_units RELEASE: of each worker its timer, or the service where it has none.
worker_units() {
  for file_ in $(worker_files); do
    case $file_ in *.service) [ ! -e "/etc/systemd/system/${file_%.service}.timer" ] || continue ;; esac
    printf '%s\n' "${file_%%@*}@$1.${file_##*.}"
  done
}
# workers_there [RELEASE]: the instances that run, wait for their time or have not yet ended, each with its state.
workers_there() {
  systemctl list-units --plain --no-legend --full --state=active,activating,reloading,deactivating -- \
    "$APP.*@${1:-*}.service" "$APP.*@${1:-*}.timer" | while read -r unit_ _ state_ _; do printf '%s %s\n' "$unit_" "$state_"; done
}

# workers_follow: starts those of the live release and ends all others, and waits for neither: what ends has the time
# that its unit gives it. Can be repeated; it starts again if another release has become live meanwhile.
workers_follow() {
  has_workers || return 0
  of_=$(readlink "/srv/www/$APP/current") || of_=
  well_=0
  [ -z "$of_" ] || systemctl start --no-block -- $(worker_units "${of_##*/}") || well_=1
  others_=$(workers_there | while read -r unit_ _; do case $unit_ in *"@${of_##*/}."*) ;; *) printf '%s\n' "$unit_" ;; esac; done)
  # Told together, a timer would go on until what it has begun has ended.
  timers_= services_=
  for unit_ in $others_; do case $unit_ in *.timer) timers_="$timers_ $unit_" ;; *) services_="$services_ $unit_" ;; esac; done
  [ -z "$timers_" ] || systemctl stop --no-block -- $timers_ || well_=1
  [ -z "$services_" ] || systemctl stop --no-block -- $services_ || well_=1
  if [ "$of_" != "$(readlink "/srv/www/$APP/current")" ]; then workers_follow; return; fi
  return "$well_"
}

# workers_only [FILE]…: those with other files are ended, which is waited for, and their files taken away.
workers_only() {
  gone_=
  for file_ in $(worker_files); do
    for kept_; do [ "$file_" != "$kept_" ] || continue 2; done
    systemctl stop -- "${file_%.*}*.${file_##*.}"
    gone_="$gone_ /etc/systemd/system/$file_"
  done
  [ -z "$gone_" ] || { rm -f -- $gone_; systemctl daemon-reload; }
}
# workers_restart [jobs]: those of the live release; with `jobs` what a timer has begun is ended as well.
workers_restart() {
  has_workers && of_=$(readlink "/srv/www/$APP/current") || return 0
  units_=$(worker_units "${of_##*/}")
  systemctl try-restart --no-block -- $units_
  [ -n "$1" ] || return 0
  for unit_ in $units_; do case $unit_ in *.timer) systemctl stop --no-block -- "${unit_%.timer}.service" ;; esac; done
}
