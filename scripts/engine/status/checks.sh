# shellcheck shell=dash
# How a check ends: good TEXT, warning TEXT CURE or bad TEXT CURE. One check may say several things.
good() { printf 'good\0%s\0\0' "$1"; }
warning() { printf 'warning\0%s\0%s\0' "$1" "$2"; }
bad() { printf 'bad\0%s\0%s\0' "$1" "$2"; }
