"""Ways to break the program, each of which the scenarios must notice: ``python -m tests.powershell.mutations``.

That takes PowerShell, and half an hour on two cores. Names pick some of them.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.powershell.carry import ALTERED, PROGRAM
from tests.support.example import REPOSITORY


@dataclass(frozen=True, slots=True)
class Mutation:
    """One place of the program, and what is put there instead; the first such place is meant."""

    name: str
    old: str
    new: str

    def of(self, program: str) -> str:
        """Return the program broken in this way."""
        return program.replace(self.old, self.new, 1)


MUTATIONS = (
    Mutation("ref lost", "/members/{1}/$ref' -f", "/members/{1}' -f"),
    Mutation("digest not compared", "if (($Apply -or $given) -and ($given -ne $PlanDigest))", "if ($false)"),
    Mutation(
        "expiry",
        "if ([datetime]::UtcNow -ge $ExpiresAt) { throw ('The plan expired",
        "if ($false) { throw ('The plan expired",
    ),
    Mutation(
        "valid from", "-lt (ConvertTo-Moment $Content.valid_from))", "-gt (ConvertTo-Moment $Content.valid_from))"
    ),
    Mutation("tenant", "if ($GraphContext.TenantId -ne", "if ('' -and $GraphContext.TenantId -ne"),
    Mutation("domain", "if ($seen -ne $System.identity)", "if ($false)"),
    Mutation("first page only", "$next = $page['@odata.nextLink']", "$next = ''"),
    Mutation(
        "unreadable is absent",
        "    catch { return 'failed', ('It cannot be read: ' + [string]$_) }\n    if",
        "    catch { $there = $Step.Gives }\n    if",
    ),
    Mutation(
        "no read back", "if ($there -eq $Step.Gives) {\n            if ($said)", "if ($true) {\n            if ($said)"
    ),
    Mutation("always apply", "    if (-not $Apply) { return 'planned', '' }", ""),
    Mutation("log opened late", "if ($Apply -and (-not $WhatIfPreference)) {", "if ($false) {"),
    Mutation("repeat", "if ($History[$Step.Id] -match 'pending|asked|again') {", "if ($false) {"),
    Mutation("not found ignored", "return 'not found', [string]$_", "return 'absent', [string]$_"),
    Mutation("scope ignored", "directoryScopeId = $scope }", "principalId2 = $scope }"),
    Mutation(
        "whole consent",
        "if ($scopes.Count -eq 0) { $null = Send-Graph 'DELETE' $address }",
        "if ($true) { $null = Send-Graph 'DELETE' $address }",
    ),
    Mutation("other's consent", "consentType = 'Principal'; principalId = $Step.Who }", "consentType = 'Principal' }"),
    Mutation("exit 0", "{ exit 4 }", "{ exit 0 }"),
    Mutation("no stop", "$inARow -ge $FailuresInARow", "$inARow -ge 999"),
    Mutation("batch ignored", "if ($Batch -and ($part.id -ne $Batch)) { continue }", ""),
    Mutation("source ignored", "(-not $Source) -or ($_.Source -eq $Source)", "$true"),
    Mutation("nothing said of a wrong batch", "($steps.Count -eq 0)) {\n        $known", "($false)) {\n        $known"),
    Mutation("names obeyed", "return [regex]::Replace($Text,", "return $Text; return [regex]::Replace($Text,"),
    Mutation("dn not escaped", "$Name.Replace('\\', '\\5c')", "$Name"),
    Mutation("sessions always there", "(ConvertTo-Moment $from) -lt $since.AddMinutes(-5)", "$true"),
    Mutation(
        "sessions by the plan's moment",
        "(ConvertTo-Moment $from) -lt $since.AddMinutes(-5)",
        "(ConvertTo-Moment $from) -lt (ConvertTo-Moment $Content.made_at)",
    ),
    Mutation("guest not said", "if ($found['userType'] -eq 'Guest') { $Step.Note", "if ($false) { $Step.Note"),
    Mutation(
        "refused scope taken along", "if ([string]$_ -notlike ($NoAnswer + '*')) { $edited.Remove($kept.Scope) }", ""
    ),
    Mutation("lost answer is failed", "$text = $NoAnswer + $text", "$null = $text"),
    Mutation("own work is absent", "-match '(intent(?!\\|failed)|unknown|still)(?!.*pending)'", "-match 'never'"),
    Mutation(
        "question outlives the plan",
        "if ([datetime]::UtcNow -ge $ExpiresAt) { throw 'The plan expired while",
        "if ($false) { throw 'The plan expired while",
    ),
    Mutation("activation ended", "(($found['assignmentType'] -eq 'Activated')", "(($false)"),
    Mutation("holder not looked at", "    Test-Holder $Step\n    return $false", "    return $false"),
    Mutation("asked is done", "if ($one.Note -like 'asked for*') { $outcome = 'asked' }", ""),
    Mutation(
        "reason lost",
        "([string]$_.ErrorDetails.Message -split '\\r?\\n\\r?\\n', 2)[-1]",
        "[string]$_.ErrorDetails.Message",
    ),
    Mutation(
        "failed come first again",
        "    $work = @($work | Where-Object { $History[$_.Id] -notmatch $Bad }) + @($work | Where-Object { $History[$_.Id] -match $Bad })\n",
        "",
    ),
    Mutation(
        "session answers",
        "if (-not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference",
        "if ($Force) { $ConfirmPreference",
    ),
    Mutation("torn row", "    elseif ($text -notmatch '\\n\\z')", "    elseif ($false)"),
    Mutation("group reasons", "            Test-GroupIsOwn $Step\n", ""),
    Mutation(
        "members unseen", "if (@(Get-ADObject @query -LDAPFilter ('(!' + $isMember + ')')).Count -ne 1)", "if ($false)"
    ),
    Mutation("primary group", "if ($object.primaryGroupID -and", "if ($false -and"),
    Mutation("hidden members", "if (($group['visibility'] -eq 'HiddenMembership')", "if (($false)"),
    Mutation("other assignment", "($found['id'] -cne $Step.Assignment)", "($false)"),
    Mutation("scopes come back", "$edited[$kept.Scope] = $Step.Gives", "$edited = @{ $kept.Scope = $Step.Gives }"),
    Mutation("log shared", "'ReadWrite', 'None')", "'ReadWrite', 'ReadWrite')"),
    Mutation("defaults of the person", "$PSDefaultParameterValues = @{ '*:ErrorAction' = 'Stop' }", ""),
    Mutation("force ignored", "$(if ($Force) { 'None' } else { 'High' })", "'High'"),
    Mutation("language mode", "if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage')", "if ($false)"),
    Mutation("enabled unread", "($found['accountEnabled'] -isnot [bool])", "($false)"),
    Mutation("sync not said", "if ($found['onPremisesSyncEnabled']) { $Step.Note", "if ($false) { $Step.Note"),
    Mutation(
        "old cmdlet",
        "Set-ADObject @call -Remove $value",
        "Remove-ADGroupMember @call -Members $object.DistinguishedName",
    ),
    Mutation("enable instead", "if ($Step.Gives) { Enable-ADAccount", "if (-not $Step.Gives) { Enable-ADAccount"),
    Mutation("share of failures", "($failures -gt $FailuresOfAll * $work.Count)", "($false)"),
    Mutation("member's own groups", "if (@(Get-ADObject @query -LDAPFilter $isIn).Count -ne 0)", "if ($false)"),
    Mutation("uac null", "if ($null -eq $object.userAccountControl)", "if ($false)"),
    Mutation(
        "account flag inverted",
        "(([int]$object.userAccountControl -band 2) -eq 0)",
        "(([int]$object.userAccountControl -band 2) -ne 0)",
    ),
    Mutation("other log overwritten", "if ($lines.Count -and ($lines[0] -ne $LogHeader))", "if ($false)"),
    Mutation("-Server ignored", "$found = $Server\n", "$found = ''\n"),
    Mutation(
        "prompt swallowed",
        "    catch { throw 'Nobody can be asked here. Give -Force once every step has been read.' }\n    if ((-not $yes)",
        "    catch { $yes = $true }\n    if ((-not $yes)",
    ),
    Mutation(
        "connected not asked", "if (-not $GraphContext) { throw 'Not connected", "if ($false) { throw 'Not connected"
    ),
    Mutation("intent not logged", "    Write-Log $Step 'intent' ''\n", ""),
    Mutation(
        "answer lost is failed",
        "if ($said) { return 'pending', ('it is done",
        "if ($said) { return 'failed', ('it is done",
    ),
    Mutation("tier 0 not said", "if ($edited.adminCount -eq 1) { throw", "if ($false) { throw"),
    Mutation("hands forgotten", "Write-Output ('By hand: '", "$null = ('By hand: '"),
)


def noticed(mutation: Mutation) -> str:
    """Run the scenarios with the program broken, and return which of them fell short first; empty where none did.

    Raises ``RuntimeError`` where they could not be run.
    """
    with tempfile.TemporaryDirectory() as folder:
        broken = Path(folder) / "carry-out.ps1"
        broken.write_text(mutation.of(PROGRAM.read_text("utf-8")), "utf-8", newline="")
        tried = [sys.executable, "-m", "pytest", "-q", "-x", "tests/powershell/test_scenarios.py::test_scenario"]
        environment = {**os.environ, ALTERED: str(broken)}
        done = subprocess.run(
            tried, cwd=REPOSITORY, env=environment, capture_output=True, encoding="utf-8", check=False
        )
    if done.returncode not in {0, 1} or " skipped" in done.stdout:
        raise RuntimeError(f"the scenarios were not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    short = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return short[0].partition("[")[2].partition("]")[0] if short else ""


def main(names: Sequence[str]) -> int:
    """Try those of these names, or all; print what noticed each. Return how many nothing noticed."""
    chosen = [one for one in MUTATIONS if not names or one.name in names]
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip((one.name for one in chosen), pool.map(noticed, chosen), strict=True))
    for name, by in found.items():
        print(f"{name:36}{f'noticed: {by}' if by else 'NOT NOTICED'}")  # noqa: T201 - what the command is for
    return len([by for by in found.values() if not by])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
