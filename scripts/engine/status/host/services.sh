# shellcheck shell=dash disable=SC2046
# What an app's releases do is shown with its site; one that is no longer live may have been killed as it ended.
failed=$(systemctl list-units --failed --plain --no-legend --full | cut -d' ' -f1 | grep -vE '@[0-9]{8}T[0-9]{6}Z-[0-9a-f]{7}\.')
# Enabled, and yet it does not run: somebody stopped it, or it ended well where it should not.
stopped=$(systemctl show -p Id,Type,ActiveState,UnitFileState,ConditionResult,ConditionTimestampMonotonic,TriggeredBy -- $(systemctl list-unit-files --type=service --state=enabled --no-legend | cut -d' ' -f1 | grep -v @) | awk -F= '
  function end() { if (is["UnitFileState"] == "enabled" && is["ActiveState"] == "inactive" && is["Type"] != "oneshot" && is["Type"] != "idle" && (is["ConditionResult"] == "yes" || is["ConditionTimestampMonotonic"] == 0) && is["TriggeredBy"] == "") print is["Id"]; delete is }
  /^$/ { end(); next } { is[$1] = $2 } END { end() }')
for unit in $failed; do bad "$unit has failed" "HOST -- 'systemctl status $unit' shows why; 'systemctl restart $unit' starts it again."; done
for unit in $stopped; do warning "$unit is enabled and does not run" "HOST -- systemctl start $unit. Or disable it, if it is not needed."; done
[ -n "$failed$stopped" ] || good "$(systemctl list-units --type=service --state=running --plain --no-legend | wc -l) run, none failed"
