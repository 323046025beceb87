"""What both btcli checks share: running the command offline, without questions, and reading its JSON."""

import json
import os
import subprocess

LIMIT = 90


class Btcli:
    """Runs one btcli with flags that every command gets, `before` or `after` the command's own words."""

    def __init__(self, program, before=(), after=()):
        self.program, self.before, self.after = program, list(before), list(after)

    def __call__(self, *words, after=None):
        """The command's JSON; raises when it ends with another code than 0, or without JSON."""
        after = self.after if after is None else list(after)
        command = [self.program, *self.before, *(str(word) for word in words), *after]
        # Tables and JSON are wrapped at the width of the terminal otherwise.
        environment = dict(os.environ, COLUMNS="100000", TERM="dumb", NO_COLOR="1")
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT, env=environment)
        tail = " ".join((run.stdout + run.stderr).split())[-400:]
        assert run.returncode == 0, f"code {run.returncode}: {tail}"
        starts = [at for at in (run.stdout.find("{"), run.stdout.find("[")) if at != -1]
        if starts:
            start = min(starts)
            end = run.stdout.rfind("}" if run.stdout[start] == "{" else "]")
            try:
                return json.loads(run.stdout[start : end + 1], strict=False)
            except ValueError:
                pass
        raise AssertionError(f"no JSON: {tail}")
