# shellcheck shell=dash
# What brings a release to life on a host, beside host/stage.sh and workers.sh. script.ts sets APP, BASE, HOW, REF, CA,
# WARM, SYSTEM_PATH, INSTALL_LIMIT, MIGRATE_LIMIT, HOOK_LIMIT, ANSWERED, HASHED and the texts of the perl programs; RELEASE is the release that it is about.

# record STATE [JSON MEMBERS]: a line of the app's log, on the disk before anything else is done, whole or not at all.
# Without modules, as prelude.sh says; 04012102 is O_RDWR|O_CREAT|O_APPEND|O_SYNC of open(2).
record() {
  case $1 in failed | bad) if is_live "$RELEASE"; then echo "$RELEASE is live: it is not recorded as $1"; return 0; fi ;; esac
  perl -e 'my ($file, $said, $more, $state, $dir) = @ARGV; my ($s, $i, $h, $d, $m, $y) = gmtime;
    my $line = sprintf qq({%s,"at":"%04d-%02d-%02dT%02d:%02d:%02dZ",%s}\n), $said, $y + 1900, $m + 1, $d, $h, $i, $s, $more;
    sysopen my $f, $file, 04012102, 0666 or die "$file: $!\n"; my $size = -s $f;
    if ($size) { sysseek $f, -1, 2; sysread $f, my $last, 1; $line = "\n$line" if $last ne "\n" }
    (syswrite($f, $line) // 0) == length $line or do { my $why = $!; truncate $file, $size; die "$file: $why\n" };
    # How it ended is written beside its files, too: that survives a log that can not be read.
    if ($state =~ /^(good|bad|failed)$/ && open my $own, ">", "$dir/state.new") { print {$own} "$state\n" and close $own and rename "$dir/state.new", "$dir/state" }' -- \
    "$BASE/releases.jsonl" "\"release\":\"$RELEASE\",\"state\":\"$1\"" "\"by\":$BY,\"run\":\"$RUN\"${2:+,$2}" "$1" "$BASE/releases/$RELEASE/.capstan"
}

# point RELEASE: one rename(2) is the whole cut-over.
point() {
  perl -e 'my ($home, $release) = @ARGV; chdir $home or die "$home: $!\n"; unlink ".current";
    symlink "releases/$release", ".current" or die ".current: $!\n"; rename ".current", "current" or die "current: $!\n"' -- "$BASE" "$1"
  sync -- "$BASE"
}
# is_live RELEASE: without a process of its own.
is_live() { [ "$BASE/current" -ef "$BASE/releases/$1" ]; }
live() { live_=$(readlink "$BASE/current") || return 0; printf '%s\n' "${live_##*/}"; }

# never_live: a release that could not be started, or did not answer.
never_live() { journal; stop_new; record failed; hook failed || echo "deploy/failed ended with $?"; }
# journal [UNIT]: the instance's last lines since this began; a line that comes again and again is shown once.
journal() {
  journalctl -q --sync 2>/dev/null || :
  journalctl -u "${1:-$APP@$RELEASE.service}" --since "@$SINCE" -n 200 -o cat --no-pager 2>/dev/null | cut -c 1-2000 | uniq -c |
    perl -ne 's/^\s*(\d+) //; push @l, $1 > 1 ? do { my $n = $1; chomp; "$_ ($n times)\n" } : $_; END { print @l > 20 ? @l[-20..-1] : @l }'
}
# stop_new: the new instance ends, and hooks that a killed stage left.
stop_new() {
  ! is_live "$RELEASE" || return 0
  for hook_ in install uploaded before-activate; do ! is_active "capstan-$hook_-$APP.service" || systemctl stop -- "capstan-$hook_-$APP.service"; done
  systemctl stop -- "$APP@$RELEASE.service"
  systemctl reset-failed -- "$APP@$RELEASE.service" 2>/dev/null || :
}
# is_active UNIT: it runs, starts or stops. systemd keeps a link for it as long; without a process of our own.
is_active() { [ -L "/run/systemd/units/invocation:$1" ]; }
alive() { [ "$(systemctl is-active -- "$APP@$1.service")" = active ] || { echo "its instance does not run"; return 1; }; }

# Nothing of it can be switched to when it isn't whole: its name and this file came last.
whole() { [ -f "$BASE/releases/$RELEASE/.capstan/release" ] || { echo "$RELEASE is not on this host"; return 1; }; }

# configure RELEASE: unless it is live, it starts with the host's present configuration from now on.
configure() {
  ! is_live "$1" || return 0
  perl -e "$CONFIGURE" -- "$BASE" "$APP" "$1"
}

# inside NAME LIMIT COMMAND…: in the release, as the app, with its environment and in its sandbox, for LIMIT seconds at most.
inside() {
  name_=$1 limit_=$2 unit=capstan-$1-$APP; shift 2
  wait_for_unit "$unit.service" "$limit_"
  systemctl reset-failed -- "$unit.service" 2>/dev/null || :
  began_=$(date +%s)
  # As the unit of a Python app has them.
  [ ! -d "$BASE/releases/$RELEASE/venv/bin" ] || set -- --setenv=PATH="$BASE/releases/$RELEASE/venv/bin:$SYSTEM_PATH" "$@"
  [ ! -d "$BASE/releases/$RELEASE/vendor" ] || set -- --setenv=PYTHONPATH="$BASE/releases/$RELEASE/vendor" "$@"
  systemd-run --wait --pipe --quiet --collect --unit "$unit" -p User="$APP" -p Group="$APP" -p RuntimeMaxSec="$limit_" \
    -p WorkingDirectory="$BASE/releases/$RELEASE" -p EnvironmentFile="$BASE/releases/$RELEASE/.capstan/config/app.env" \
    -p EnvironmentFile="-$BASE/releases/$RELEASE/.capstan/config/set.env" \
    -p NoNewPrivileges=yes -p ProtectSystem=strict -p TemporaryFileSystem=/srv/www:ro -p "BindPaths=$BASE" -p "ReadWritePaths=$BASE/shared" -p ProtectProc=invisible -p ProtectHome=yes -p PrivateTmp=yes -p UMask=0027 \
    --setenv=APP="$APP" --setenv=RELEASE="$RELEASE" --setenv=REF="$REF" --setenv=HOW="$HOW" "$@" 2>&1 && return
  code_=$?
  [ $(($(date +%s) - began_)) -lt "$limit_" ] || echo "it was ended after $limit_ s, the most that it may take"
  return "$code_"
}
# wait_for_unit UNIT SECONDS: the unit of a run that was killed is let end; it may be in the middle of a migration.
wait_for_unit() {
  is_active "$1" || return 0
  echo "waiting for $1, which an earlier run left behind"
  for wait_ in $(seq "$2"); do sleep 1; is_active "$1" || return 0; done
  echo "$1 of an earlier run still runs after $2 s"
  return 1
}
# hook NAME: the release's own deploy/NAME, where it has one.
hook() { [ ! -x "$BASE/releases/$RELEASE/deploy/$1" ] || inside "$1" "$HOOK_LIMIT" "$BASE/releases/$RELEASE/deploy/$1"; }

# install_dependencies [TEXT]: the folders that the command of TEXT makes in the release before it starts, or takes from a kept release that has the
# same; dependencies.pl says what TEXT has. Without it, those that the release was first installed with: a copy has its original's.
# What was made belongs to root, as the rest of the release does.
install_dependencies() {
  ! is_live "$RELEASE" || return 0
  at_=$BASE/releases/$RELEASE
  whole; configure "$RELEASE"
  if [ -n "${1:-}" ]; then
    printf '%s\n' "$1" >"$at_/.capstan/install.new"; mv -T -- "$at_/.capstan/install.new" "$at_/.capstan/install"
  fi
  [ -f "$at_/.capstan/install" ] || return 0
  ! is_active "$APP@$RELEASE.service" || { note "its instance runs with what it has"; return 0; }
  ! is_active "capstan-install-$APP.service" || systemctl stop -- "capstan-install-$APP.service"
  done_=$(perl -e "$DEPENDENCIES" -- "$BASE" "$RELEASE")
  [ "$done_" = run ] || { note "$done_"; return 0; }
  command_=$(sed '1,/^$/d' "$at_/.capstan/install" | escape_dollars)
  set --
  for folder_ in $(sed -n '/^$/q; s/^folder //p' "$at_/.capstan/install"); do set -- "$@" "$at_/$folder_"; done
  install -d -o "$APP" -g "$APP" -m 0755 -- "$@"
  install -d -o "$APP" -g "$APP" -m 0700 -- "$BASE/cache"
  # A command that failed may have filled the disk.
  inside install "$INSTALL_LIMIT" -p "ReadWritePaths=$BASE/cache $*" --setenv=HOME="$BASE/cache" sh -c "$command_" ||
    { code_=$?; rm -rf -- "$@"; return "$code_"; }
  # nginx follows no link of the app's to files of others.
  find "$@" ! -type l -exec chown root:root {} + -exec chmod u=rwX,go=rX {} +
  sync -f -- "$at_"
  mv -T -- "$at_/.capstan/dependencies.new" "$at_/.capstan/dependencies"
}
# escape_dollars: doubles each $ of stdin, because systemd-run expands variables.
escape_dollars() { sed 's/\$/$$/g'; }
# migrate COMMAND DIGEST: as the release that is not live yet.
migrate() {
  attended; whole; configure "$RELEASE"
  inside migrate "$MIGRATE_LIMIT" sh -c "$(printf '%s\n' "$1" | escape_dollars)"
  record migrated "\"migrations\":\"$2\""
}
# start_new: on its own socket, beside the live one. An instance that is left of an earlier try starts again.
start_new() {
  # Where a deploy was killed between the switch and this, workers are still of the release before.
  workers_follow || :
  if is_live "$RELEASE"; then systemctl start -- "$APP@$RELEASE.service"; return; fi
  systemctl reset-failed -- "$APP@$RELEASE.service" 2>/dev/null || :
  if [ -n "$WARM" ] && is_active "$APP@$RELEASE.service"; then return; fi
  ! is_active "$APP@$RELEASE.service" || systemctl stop -- "$APP@$RELEASE.service"
  configure "$RELEASE"
  [ "$HOW" = rollback ] || hook uploaded
  systemctl start -- "$APP@$RELEASE.service"
}
ask() { perl -e "$ASK" -- "$@"; }
# gate SOCKET PATH DOMAIN PASSES TIMEOUT: through nginx, on a socket that only root reaches.
gate() {
  answer=$(ask "unix:$1" "$2" "$3" "$RELEASE" 0 "$4" "$5" "") || { printf '%s\n' "$answer"; return 1; }
  alive "$RELEASE"
  restarts=$(systemctl show -p NRestarts --value -- "$APP@$RELEASE.service")
  [ "${restarts:-0}" = 0 ] || { echo "its instance had to be restarted $restarts times"; return 1; }
  note "$answer"
  printf '%s\n' "$answer" >"$ANSWERED"
}
# Before the switch a stage goes on only while a controller follows it, which may need a moment to connect again; after it the
# stage comes to its end by itself.
attended() {
  for wait_ in $(seq 75); do
    [ ! -e "$STOP" ] || { cat -- "$STOP"; echo "the run was interrupted: the release was not made live"; return 1; }
    { read -r session_ <"$DIR/session" && kill -0 "$session_"; } 2>/dev/null && return
    [ "$wait_" != 1 ] || echo "waiting for the controller, whose connection was lost"
    sleep 1
  done
  echo "the controller did not connect again within 75 s: the release was not made live"
  return 1
}
switch_to_new() {
  attended; whole; alive "$RELEASE"
  hook before-activate
  # In this order, so that a full disk is noticed while nothing has changed.
  record live "\"how\":\"$HOW\""
  before=$(live)
  point "$RELEASE"
  note "${before:+from $before}"
}
# verify PATH DOMAIN PASSES TIMEOUT: as a visitor, through nginx's own listener. A health path that took its time before
# the switch has twice that for each pass beside the TIMEOUT.
verify() {
  [ ! -e "$BASE/shared/maintenance" ] || { note "visitors get the maintenance page: not asked"; return 0; }
  said=$(cat -- "$ANSWERED" 2>/dev/null) || said="200 in 0 ms"
  case $said in *names*) named=1 ;; *) named=0 ;; esac
  took=${said#200 in }; took=${took%% *}
  answer=$(ask tls:127.0.0.1:443 "$1" "$2" "$RELEASE" "$named" "$3" $(($4 + 2 * $3 * took / 1000)) "$CA") || { printf '%s\n' "$answer"; return 1; }
  is_live "$RELEASE" || { echo "current leads elsewhere by now"; return 1; }
  note "$answer"
}
# start_workers NAMES: those of the release have started; what ended with an error within a second is reported.
start_workers() {
  has_workers || { note "not set up on this host yet: scripts/site.mjs does that"; return 0; }
  workers_follow
  sleep 1
  ended=
  for unit in $(worker_units "$RELEASE"); do
    [ "$(systemctl show -p Result --value -- "$unit")" != success ] || continue
    ended=1; echo "$unit does not run:"; journal "$unit"
  done
  [ -z "$ended" ] || return 1
  note "$1"
}
# back PREVIOUS: what was live before is live again; with none, nothing is. One that never was live has only failed.
back() {
  if ! is_live "$RELEASE"; then stop_new; record failed || :; hook failed || echo "deploy/failed ended with $?"; return; fi
  if [ -n "$1" ]; then systemctl start -- "$APP@$1.service"; point "$1"; else rm -f -- "$BASE/current"; fi
  workers_follow || :
  record bad || :
  [ -z "$1" ] || ( RELEASE=$1; record live '"how":"back"' && record good ) || :
  stop_new
  echo "current leads to ${1:-nothing} again"
  hook failed || echo "deploy/failed ended with $?"
  [ -z "$1" ] || ( RELEASE=$1; hook rolled-back ) || echo "deploy/rolled-back ended with $?"
}
# keep_assets MINUTES: files of public/ with a hash in their name stay when their last release goes, so that a page
# that was loaded before finds what it names. Their ctime is when they lost the last of their other links.
keep_assets() {
  from=$BASE/releases/$RELEASE/public
  [ "$1" != 0 ] && [ -d "$from" ] || { rm -rf -- "$BASE/assets"; return 0; }
  find "$from" -type f -printf '%P\0' | perl -0ne '
    BEGIN { ($hashed, $from, $to) = splice @ARGV, 0, 3; mkdir $to } chomp; next unless /$hashed/; my ($own, $kept) = ("$from/$_", "$to/$_");
    my @is = stat $own; my @was = stat $kept; next if @was && $was[1] == $is[1];
    my @above = split m{/}; pop @above; my $at = $to; mkdir $at .= "/$_" for @above;
    unlink "$kept.new"; link $own, "$kept.new" and rename "$kept.new", $kept or warn "$kept: $!\n"' -- "$HASHED" "$from" "$BASE/assets"
  [ ! -d "$BASE/assets" ] || find "$BASE/assets" -mindepth 1 \( -type f -links 1 -cmin "+$1" -o -type d -empty \) -delete
}
# found_good MINUTES: visitors get it; the app's own unit starts it at boot.
found_good() {
  # Before it counts as good, so that a deploy that was killed before this is not taken for done.
  workers_follow || echo "not all of its workers could be started"
  record good
  systemctl start -- "$APP.service"
  keep_assets "$1"
  hook activated
  [ "$HOW" != rollback ] || hook rolled-back
}

# drain RELEASE SECONDS: waits until the old one has no requests in flight. A web socket is none.
drain() {
  # Files alone have no server to wait for: nginx sends what it has open to the end.
  [ -S "$BASE/releases/$1/run/app.sock" ] || return 0
  left=$(perl -e "$DRAIN" -- "$BASE/releases/$1/run/app.sock" "$2")
  lasting=${left% *} left=${left#* }
  [ "$lasting" = 0 ] || { LASTING=1; note "web sockets: $lasting, which end with the instance"; }
  [ "$left" = 0 ] || note "$left connections are still open: they have until the instance ends"
}
# An app may take its time to say goodbye to web sockets: that is not waited for.
stop_old() {
  for old; do
    ! is_live "$old" || continue
    systemctl stop ${LASTING:+--no-block} -- "$APP@$old.service"
    # One that had to be killed is no fault of the host's.
    [ -n "${LASTING-}" ] || systemctl reset-failed -- "$APP@$old.service" 2>/dev/null || :
  done
}
# end_others SECONDS RELEASE…: what else runs of the app ends once it has no requests in flight.
end_others() { seconds_=$1; shift; for old; do drain "$old" "$seconds_"; done; stop_old "$@"; }
# prune RELEASE…: out of sight first, so that a half removed one is no release.
prune() {
  removed=0
  for old; do
    ! is_live "$old" || continue
    if has_workers && [ -n "$(workers_there "$old")" ]; then continue; fi
    removed=$((removed + 1))
    remove "$old"
  done
  [ "$removed" = $# ] || left=", $(($# - removed)) when their workers have ended"
  note "$removed removed${left:-}"
}
remove() {
  ! is_active "$APP@$1.service" || systemctl stop -- "$APP@$1.service"
  mv -T -- "$BASE/releases/$1" "$BASE/releases/.pruned-$1"
  rm -rf -- "$BASE/releases/.pruned-$1" "/etc/systemd/system/$APP@$1.service"
}

# copy OLD: RELEASE becomes a release of the same content as OLD, to take its place.
copy() {
  perl -e "$COPY" -- "$BASE" "$1" "$RELEASE" "$RUN" "$BY"; record built '"how":"restart"'
  install_dependencies
}
# discard: a copy that did not become live; its content is the live release's.
discard() { journal; stop_new; record failed || :; is_live "$RELEASE" || remove "$RELEASE"; }
# intact: its files are those of its manifest, which is the one that it was built from.
intact() { whole; perl -e "$INTACT" -- "$BASE" "$RELEASE"; }
