# shellcheck shell=dash
# Shell functions that kinds apply with. Each is one process and atomic: what it writes has a temporary name beside
# the final one (always the same, so that a run that was killed leaves nothing for good), is synced, and takes the
# final name in one rename(2).

# The perl of files, directories and links, for one (below) and for many (converge/steps.sh). Without modules: loading
# them would take longer than all the rest. 0301 is O_WRONLY|O_CREAT|O_EXCL of open(2), 04010000 O_SYNC.
FILES='
  sub ids { my ($path, $owner, $group) = @_; my $uid = $uid{$owner} //= getpwnam $owner; my $gid = $gid{$group} //= getgrnam $group;
    die "$path: no user $owner on this host\n" unless defined $uid; die "$path: no group $group on this host\n" unless defined $gid; ($uid, $gid) }
  sub fill { my ($sync, $path, $mode, $owner, $group, $length, $content) = @_; my ($uid, $gid) = ids($path, $owner, $group);
    die "$path: $length bytes were to come, " . length($content) . " did\n" if defined $length && $length ne "" && $length != length $content;
    die "$path: is a directory, a file was declared\n" if -d $path && !-l $path;
    my ($dir, $name) = $path =~ m{^(.*)/([^/]+)$}s; die "$path: its directory does not exist: declare it before\n" unless -d "$dir/";
    my $new = "$dir/.capstan.$name"; unlink $new; sysopen my $file, $new, 0301 | $sync, 0600 or die "$new: $!\n"; binmode $file;
    my $ok = chown $uid, $gid, $new; $ok &&= chmod oct $mode, $new;
    for (my $from = 0; $ok && $from < length $content; ) { my $n = syswrite $file, $content, length $content, $from; defined $n ? ($from += $n) : ($ok = 0) }
    unless ($ok && close $file) { my $why = "$!"; unlink $new; die "$path: $why\n" } $new }
  sub place { my ($new, $path) = @_; rename $new, $path or do { my $why = "$!"; unlink $new; die "$path: $why\n" } }
  sub put { place(fill(04010000, @_), $_[0]) }
  sub directory { my ($path, $mode, $owner, $group) = @_; my ($uid, $gid) = ids($path, $owner, $group);
    die "$path: exists and is not a directory\n" if (-l $path || -e _) && !(-d $path && !-l $path);
    unless (-d $path) { mkdir $path, 0700 or die "$path: $!\n" }
    chown($uid, $gid, $path) && chmod(oct $mode, $path) or die "$path: $!\n" }
  sub attributes { my ($path, $mode, $owner, $group) = @_; my ($uid, $gid) = ids($path, $owner, $group);
    chown($uid, $gid, $path) && chmod(oct $mode, $path) or die "$path: $!\n" }
  sub symlink_ { my ($target, $path) = @_; die "$path: is a directory, a link was declared\n" if -d $path && !-l $path;
    my ($dir, $name) = $path =~ m{^(.*)/([^/]+)$}s; my $new = "$dir/.capstan.$name"; unlink $new;
    symlink $target, $new or die "$path: $!\n"; rename $new, $path or do { my $why = "$!"; unlink $new; die "$path: $why\n" } }
  sub remove { my ($path) = @_; return if (-l $path || !-d _) && (unlink $path or $! == 2); die "$path: $!\n" if -l $path || !-d _;
    system("rm", "-rf", "--one-file-system", "--", $path) == 0 or die "$path: could not be removed\n" }
'
# put PATH MODE OWNER GROUP [LENGTH] <content: the file, whole, with these bytes; refused when not so many came
put() { perl -e "$FILES"'put(@ARGV[0 .. 4], do { local $/; <STDIN> } // "")' -- "$@"; }
# directory, attributes PATH MODE OWNER GROUP
directory() { perl -e "$FILES"'directory(@ARGV)' -- "$@"; }
attributes() { perl -e "$FILES"'attributes(@ARGV)' -- "$@"; }
# symlink TARGET PATH
symlink() { perl -e "$FILES"'symlink_(@ARGV)' -- "$@"; }
# edit PATH START LENGTH SHA256 [USER] <text: LENGTH bytes from START on are replaced by it, where the file then has that hash.
# Else it has been changed since it was read, and is left alone: the next pass reads it again. USER: with that user's rights, and
# its directory is made where there is none. A file that is a mount of its own (/etc/hosts of a container) can't be replaced by
# a rename: it is written in place.
edit() { perl -e '
  my ($path, $start, $length, $sum, $user) = @ARGV; my ($dir, $name) = $path =~ m{^(.*)/([^/]+)$}s; local $/; my $text = <STDIN> // "";
  if ($user ne "") { my @u = getpwnam $user or die "no user $user on this host\n"; $) = "$u[3] $u[3]"; $> = $u[2]; umask 077;
    -d $dir or mkdir $dir, 0700 or die "$dir: $!\n" }
  my ($content, @s) = (""); if (open my $file, "<", $path) { binmode $file; $content = <$file> // ""; @s = stat $file }
  elsif ($! != 2 || $user eq "") { die "$path: $!\n" }
  $start + $length <= length $content ? substr($content, $start, $length, $text) : ($content = "");
  my $new = "$dir/.capstan.$name"; unlink $new; sysopen my $file, $new, 04010301, 0600 or die "$new: $!\n"; binmode $file;
  my $ok = !@s || ($user ne "" || chown(@s[4, 5], $new)) && chmod($s[2] & 07777, $new);
  for (my $from = 0; $ok && $from < length $content; ) { my $n = syswrite $file, $content, length $content, $from; defined $n ? ($from += $n) : ($ok = 0) }
  $ok &&= close $file; unless ($ok) { my $why = "$!"; unlink $new; die "$path: $why\n" }
  open STDIN, "<", $new or die "$new: $!\n"; my $found = `sha256sum`; $found =~ s/ .*//s;
  if ($found ne $sum) { unlink $new; warn "$path: was changed meanwhile, and is read again\n"; exit }
  exit if rename $new, $path; my $why = $!; my $code = $! + 0; unlink $new; die "$path: $why\n" unless $code == 16;
  open $file, "+<", $path or die "$path: $!\n"; binmode $file; print $file $content or die "$path: $!\n";
  truncate $file, length $content and close $file or die "$path: $!\n";
' -- "$1" "$2" "$3" "$4" "${5-}"; }

# download URL SHA256 PATH MODE OWNER GROUP: by apt's own methods, which every Debian has: no curl is needed.
download() {
  dir_=${3%/*} new_=${3%/*}/.capstan.${3##*/}
  [ -d "$dir_/" ] || { echo "$3: its directory does not exist: declare it before" >&2; return 1; }
  rm -f -- "$new_"
  /usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root -o Acquire::Retries=3 download-file "$1" "$new_" "SHA256:$2" >/dev/null &&
    [ "$(sha256sum <"$new_")" = "$2  -" ] || { rm -f -- "$new_" "$new_.FAILED"; echo "$1: was not fetched with the sha256 $2" >&2; return 1; }
  attributes "$new_" "$4" "$5" "$6"; sync -- "$new_"; mv -T -- "$new_" "$3"
}

# tree_list DIRECTORY ID LIST: writes the list of all that is in it to LIST.new. Fails on what leads out of it or gives rights.
tree_list() { mkdir -p -m 0700 -- "${3%/*}"; perl -e '
  my ($root, $id, $list) = @ARGV; open my $out, ">", "$list.new" or die "$list.new: $!\n"; print $out "$id\0"; look(""); close $out or die "$list.new: $!\n";
  sub look { my ($name) = @_; my $at = $name eq "" ? $root : "$root/$name"; my @s = lstat $at or die "$at: $!\n"; my $target = "";
    if (-l _) { $target = readlink $at; my $depth = $name =~ tr{/}{}; die "$name: leads out of the directory, to $target\n" if $target =~ m{^/};
      for (split m{/+}, $target) { $depth += $_ eq ".." ? -1 : $_ eq "." ? 0 : 1; die "$name: leads out of the directory, to $target\n" if $depth < 0 } }
    elsif (!-f _ && !-d _) { die "$name: is neither a file nor a directory\n" }
    elsif ($s[2] & 06000) { die "$name: is setuid or setgid\n" }
    print $out join "\0", @s[2, 4, 5, 7, 9], $target, $name, ""; return unless -d $at && !-l $at;
    opendir my $d, $at or die "$at: $!\n"; look($name eq "" ? $_ : "$name/$_") for sort grep { !/^\.\.?$/ } readdir $d }
' -- "$@"; }
# tree_replace NEW DIRECTORY: in one rename, where the file system can.
tree_replace() {
  sync -f -- "$1"
  if [ ! -e "$2" ]; then mv -T -- "$1" "$2"
  elif exchange "$1" "$2"; then rm -rf --one-file-system -- "$1"
  else mv -T -- "$2" "$1.old"; mv -T -- "$1" "$2"; rm -rf --one-file-system -- "$1.old"; fi
}
# git_files REPOSITORY COMMIT DIRECTORY: its files, without .git. What was fetched is kept in /var/lib/capstan/git.
git_files() {
  command -v git >/dev/null || { echo "no git on this host: declare apt('git') before" >&2; return 1; }
  export HOME=/root GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND='ssh -o BatchMode=yes' GIT_INDEX_FILE="$3.index"
  bare_=/var/lib/capstan/git/$(printf %s "$1" | sha256sum | cut -c 1-16)
  [ -d "$bare_" ] || { mkdir -p -m 0700 /var/lib/capstan/git; git init -q --bare --template= "$bare_"; }
  git_has "$2" || git --git-dir="$bare_" fetch -q --depth=1 "$1" "$2" 2>/dev/null || git --git-dir="$bare_" fetch -q "$1" '+refs/*:refs/*'
  git_has "$2" || { echo "$1 has no commit $2" >&2; return 1; }
  trap 'rm -rf -- "$new" "$new.index"' EXIT
  git --git-dir="$bare_" read-tree "$2"; git --git-dir="$bare_" --work-tree="$3" checkout-index -a -q
}
git_has() { git --git-dir="$bare_" cat-file -e "$1^{commit}" 2>/dev/null; }

# apt_install NAME[=VERSION]…, with APT_ALLOWED as further options: lists are refreshed when older than a day or when the install fails; a dpkg that was interrupted
# is repaired; conffiles of the operator are kept; another apt's lock is waited for, the second time for a short while.
apt_install() {
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a APT_LISTCHANGES_FRONTEND=none
  if [ -z "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -mmin -1440 -print -quit)" ]; then apt_get 120 update; fi
  # shellcheck disable=SC2086
  set -- install -y --no-install-recommends ${APT_ALLOWED-} -- "$@"
  apt_get 120 "$@" && return
  # Only now: what dpkg has half done may be another apt's work, whose lock was waited for above.
  if [ -n "$(dpkg --audit)$(ls /var/lib/dpkg/updates)" ]; then dpkg --configure -a; fi
  apt_get 10 update && apt_get 10 "$@"
}
# apt_remove remove|purge NAME…
apt_remove() {
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=a APT_LISTCHANGES_FRONTEND=none
  if [ -n "$(dpkg --audit)$(ls /var/lib/dpkg/updates)" ]; then dpkg --configure -a; fi
  verb=$1; shift; apt_get 120 "$verb" -y --allow-change-held-packages -- "$@"
}
apt_get() {
  patience=$1; shift
  apt-get -qq -o APT::Status-Fd=1 -o DPkg::Lock::Timeout="$patience" -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# A reload of systemd takes time that grows with its units: 2 s where it has 1,000. So several changes share one: they leave a mark,
# $UNITS-changed or $UNITS-enabled, and what may need them calls units_read first (stage.ts). The marks outlast a stage that is killed;
# a boot reads all units.
units_changed() { : >"$UNITS-changed"; }
units_enabled() { : >"$UNITS-enabled"; }
units_reload() { systemctl daemon-reload 8>&- 9>&- && rm -f -- "$UNITS-changed" "$UNITS-enabled"; }
units_read() { { [ ! -e "$UNITS-changed" ] && [ ! -e "$UNITS-enabled" ]; } || units_reload; }
# unit_current UNIT: before it starts. That another unit was enabled counts for the unit that it is to be started with.
unit_current() {
  [ ! -e "$UNITS-changed" ] || { units_reload; return; }
  for each_ in "/etc/systemd/system/$1.wants" "/etc/systemd/system/$1.requires"; do
    if [ -d "$each_" ]; then units_read; return; fi
  done
}
# unit_stale UNIT: where systemd still has not read its file as it is.
unit_stale() { case $(systemctl show -p LoadState,NeedDaemonReload -- "$1") in *=error* | *=yes*) units_reload ;; esac; }
# unit_read PATH: systemd has read this unit file. One that it did not know is read when it is first named. It does not notice
# the first drop-in of a unit, and a template has no state.
unit_read() {
  case $1 in
    */*.d/* | *@.*) ;;
    *)
      shown_=$(systemctl show -p FragmentPath,LoadState,NeedDaemonReload -- "${1##*/}" | sort | tr '\n' ' ')
      [ "$shown_" != "FragmentPath=$1 LoadState=loaded NeedDaemonReload=no " ] || return 0
      ;;
  esac
  units_reload
}

# unit_start, unit_restart, unit_reload UNIT, unit_renew UNIT [LOG]: fail with the unit's last log lines when it isn't active then.
unit_log() { journalctl -q --sync 2>/dev/null || :; journalctl -q -n 10 -o cat --no-pager -u "$1" >&2 || :; }
unit_active() { case $(systemctl is-active -- "$1") in active|reloading) ;; *) unit_log "$1"; return 1 ;; esac; }
unit_start() { systemctl reset-failed -- "$1" 2>/dev/null || :; systemctl start -- "$1" || { unit_log "$1"; return 1; }; }
unit_restart() { systemctl reset-failed -- "$1" 2>/dev/null || :; systemctl restart -- "$1" || { unit_log "$1"; return 1; }; unit_active "$1"; }
# is_listening PROTOCOL PORT: read from the kernel, as not every host has ss. Source: proc(5); 0A is LISTEN, 07 an unconnected UDP socket.
is_listening() {
  cat /proc/net/"$1" /proc/net/"$1"6 2>/dev/null | awk -v at=":$(printf %04X "$2")" -v is="$([ "$1" = tcp ] && echo 0A || echo 07)" \
    'substr($2, length($2) - 4) == at && $4 == is { found = 1 } END { exit !found }'
}
# unit_listens UNIT PROTOCOL:PORT…: something listens there within 15 s, as long as the unit runs.
unit_listens() {
  unit_=$1; shift
  for try_ in $(seq 150); do
    lacks_=
    for each_; do is_listening "${each_%:*}" "${each_#*:}" || lacks_=1; done
    [ -n "$lacks_" ] || return 0
    case $(systemctl is-active -- "$unit_") in active | activating | reloading) ;; *) unit_log "$unit_"; return 1 ;; esac
    sleep 0.1
  done
  return 1
}
unit_reload() { systemctl reload-or-restart -- "$1" || { unit_log "$1"; return 1; }; unit_active "$1"; }
unit_workers() { cat /proc/"$1"/task/"$1"/children 2>/dev/null; }
unit_renew() {
  unit_active "$1" 2>/dev/null || { unit_restart "$1"; return; }
  main=$(systemctl show -p MainPID --value -- "$1"); before=$(unit_workers "$main")
  systemctl reload -- "$1" || { unit_log "$1"; return 1; }
  # Its old workers take visitors for a moment beside the new ones, until they are told to end.
  for try in $(seq 100); do
    new='' old=''
    for worker in $(unit_workers "$main"); do
      case " $before " in
        *" $worker "*) grep -aqs 'shutting down' /proc/"$worker"/cmdline || old=1 ;;
        *) new=1 ;;
      esac
    done
    [ -z "$new" ] || [ -n "$old" ] || return 0
    sleep 0.05
  done
  echo "$1 was reloaded and kept its old workers: the new configuration is not in force" >&2
  [ -z "${2-}" ] || tail -n 5 -- "$2" >&2 2>/dev/null || :
  unit_log "$1"; return 1
}
