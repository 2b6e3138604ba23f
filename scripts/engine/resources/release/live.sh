# shellcheck shell=dash
# How a run of site.mjs keeps the live release as declared, beside release.sh. live.ts sets prepare_copy, take_over and
# finish_renewal before it.

# The run goes on to its end on the host, whatever becomes of the controller.
attended() { :; }
# tried COMMAND…: in a subshell that stops at the first command that fails; its exit code is in CODE.
tried() { set +e; isolated "$@"; set -e; }

# renew: a new instance of the live content, with the host's present configuration, takes the live one's place: started, asked
# for its health, switched to, verified. Where that fails, what was live still is.
renew() {
  old=$(live) RELEASE=$(date -u +%Y%m%dT%H%M%SZ)-${old##*-}
  [ ! -e "$BASE/releases/$RELEASE" ] || { sleep 1; RELEASE=$(date -u +%Y%m%dT%H%M%SZ)-${old##*-}; }
  tried prepare_copy
  [ "$CODE" = 0 ] || { discard; echo "$old is live and unchanged"; return 1; }
  tried take_over
  [ "$CODE" = 0 ] || { journal; back "$old"; remove "$RELEASE"; return 1; }
  finish_renewal
  end_others "$1" "$old"
  prune "$old"
  note "as $RELEASE"
}
# revive SECONDS OUTDATED: the live release's instance runs again; with OUTDATED it then gets the present configuration.
revive() {
  RELEASE=$(live)
  systemctl reset-failed -- "$APP@$RELEASE.service" 2>/dev/null || :
  tried systemctl start -- "$APP@$RELEASE.service"
  if [ "$CODE" != 0 ] && [ -n "$2" ]; then
    perl -e "$CONFIGURE" -- "$BASE" "$APP" "$RELEASE"
    tried systemctl start -- "$APP@$RELEASE.service"
  elif [ -n "$2" ]; then
    renew "$1"; return
  fi
  [ "$CODE" = 0 ] || { journal; return 1; }
}
# end_further SECONDS RELEASE…: instances beside the live one end; one that is kept warm gets the present configuration.
end_further() {
  seconds=$1; shift
  for other; do
    ! is_live "$other" && is_active "$APP@$other.service" || continue
    end_others "$seconds" "$other"
    [ -n "$WARM" ] || continue
    configure "$other"; systemctl start -- "$APP@$other.service"; WARM=
  done
}
