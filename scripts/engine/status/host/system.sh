# shellcheck shell=dash disable=SC2034
name=$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release)
read -r up _ </proc/uptime; read -r one five fifteen _ </proc/loadavg; cpus=$(nproc)
text="$name, up $((${up%.*} / 86400)) days, load $one $five $fifteen on $cpus CPUs"
# A container shows the load of its machine.
if [ "${fifteen%.*}" -lt $((cpus * 4)) ] || systemd-detect-virt -qc; then good "$text"
else warning "$text" "Processes have waited for a CPU for 15 minutes. HOST -- 'ps -eo pcpu,user,args --sort=-pcpu | head' shows which."; fi
