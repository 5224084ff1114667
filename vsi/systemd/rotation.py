"""A service's own log file, cut while the service runs: it writes to a pipe, of which a shell beside it makes
files of a limited size, each ending with a whole line.

Renaming alone would not do, since the service would write on into the file that was renamed; and what is
copied and then cut short loses what is written in between. The shell ends when nobody writes any more: what
signals end is the service, so that its last words are kept.
"""

import shlex

_PIPE = "../said"
_BLOCK = 65536
_SCRIPT = """\
log={log}
rm -f {pipe}; mkfifo {pipe}
( (
  set +e; trap '' HUP INT QUIT TERM
  exec <{pipe} 2>/dev/null
  while :; do
    size=$(wc -c <"$log" || echo 0)
    if [ "${{size:-0}}" -ge {most} ]; then
      if [ -n "$(tail -c 1 "$log" | tr '\\0' x)" ]; then
        if IFS= read -r line; then printf '%s\\n' "$line" >>"$log"; else printf %s "$line" >>"$log"; fi
      fi
      n={backups}
      while [ $n -gt 1 ]; do mv -f "$log.$((n - 1))" "$log.$n"; n=$((n - 1)); done
      mv -f "$log" "$log.1"; size=0
    fi
    reads=$((({most} - ${{size:-0}}) / {block})); [ $reads -ge 1 ] || reads=1
    told=$(LC_ALL=C dd bs={block} count=$reads status=noxfer 2>&1 >>"$log") || sleep 1
    case $told in 0+0*) exit 0 ;; esac
  done
) & )
"""


def before(log: str, most: int, backups: int) -> str:
    """What a script does before it becomes a service whose words go into `log`: at most so many bytes, and a
    few lines more, in each of the file and its `backups`."""
    text = _SCRIPT.format(log=shlex.quote(log), pipe=_PIPE, most=most, backups=max(backups, 1), block=_BLOCK)
    return text.rstrip("\n")


INTO = f" >{_PIPE} 2>&1"
"""At the end of the service's command."""
