# shellcheck shell=dash disable=SC2046,SC2086
# What the live release of $APP is doing, as NUL-ended pairs after those of inspect.pl: the host's clock, the units' properties as
# systemctl shows them, and how a visitor is answered. NAME PATH CA LIMIT ASK are set, and the functions of workers.sh.
live=$(readlink "/srv/www/$APP/current") || exit 0
live=${live##*/}
jobs_=$(for unit_ in $(worker_units "$live"); do case $unit_ in *.timer) printf '%s\n' "${unit_%.timer}.service" ;; esac; done)
properties=Id,ActiveState,SubState,Result,ExecMainStatus,NRestarts,ActiveEnterTimestamp,ExecMainExitTimestamp
properties=$properties,MemoryCurrent,MemoryMax,TasksCurrent,TasksMax,NextElapseUSecRealtime
printf 'now\0%s\0' "$(date +%s)"
printf 'units\0%s\0' "$(TZ=UTC systemctl show -p "$properties" -- "$APP@$live.service" $(worker_units "$live") $jobs_)"
[ ! -e "/srv/www/$APP/shared/maintenance" ] || exit 0
if answer=$(perl -e "$ASK" -- tls:127.0.0.1:443 "$HEALTH" "$NAME" "$live" 0 1 "$LIMIT" "$CA"); then good=good; else good=bad; fi
printf '%s\0%s\0' "$good" "$answer"
