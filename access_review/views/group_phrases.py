"""What a group of findings of each rule says of those concerned; ``[one|several]`` follows their number."""

from collections.abc import Mapping

PHRASES: Mapping[str, str] = {
    "access-beyond-role": "{who} [holds|hold] {what} beyond [the|their] role",
    "access-unused": "{who} [has|have] stopped using {what}",
    "account-dormant": "accounts of {who} have not been used for long",
    "account-unowned": "{who} [belongs|belong] to nobody[|: {names}]",
    "access-outside-ticket": "{who} used {what} outside the time of [a ticket|tickets]",
    "agent-beyond-purpose": "{who} [holds|hold] {what} beyond [its|their] purpose",
    "agent-unowned": "{who} [has|have] no sponsor who works here",
    "app-consent-unapproved": "nobody approved {who}",
    "birthright-missing": "{who} [lacks|lack] {what}, which the role must have",
    "client-boundary": "{who} [reaches|reach] {what} of a client [not served|they do not serve]",
    "contract-ended": "contract or approval of {who} has ended",
    "direct-grant": "{who} [has|have] {what} directly and not by a group",
    "grant-unauthorised": "{who} got {what}, which no ticket authorises",
    "guest-stale": "{who} [has|have] stopped coming",
    "leave-active": "{who} on leave [uses|use] accounts",
    "leaver-active": "{who} left and can still sign in",
    "leaver-residue": "{who} left and [leaves|leave] behind {what}",
    "lookalike-account": "{who} [is|are] named to be taken for {what}",
    "mover-kept-access": "{who} kept {what} from a former role",
    "nesting-cycle": "{who} [contains itself|contain each other]",
    "nesting-escalates": "{who} [hands|hand] out {what}, which must be allowed by name",
    "never-allowed": "{who} [holds|hold] {what}, which a role forbids",
    "never-used": "accounts of {who} were made and never used",
    "owner-doubtful": "whose the accounts of {who} are is in doubt",
    "person-missing": "{who} [is|are] gone from the roster",
    "service-unowned": "nobody answers for {who}",
    "shared-unrotated": "secret of {who} is known to [somebody|people] who should not",
    "signin-after-end": "{who} signed in after the end",
    "signin-off-shift": "{who} signed in outside the shift",
    "signin-outside-countries": "{who} signed in from {what}",
    "signin-outside-network": "{who} signed in from outside the network",
    "signin-unmanaged-device": "{who} signed in from a device nobody manages",
    "standing-privilege": "{who} [holds|hold] {what} all the time",
    "template-overdue": "template {who} should have been looked at again",
    "template-unresolved": "template {who} names what does not exist: {what}",
    "toxic-pair": "{who} [has|have] both sides of {what}",
    "access-untrained": "{who} [holds|hold] {what} without the training that their role asks for first",
    "training-missing": "{who} [has|have] not done {what}, which the role asks for",
    "waiver-expired": "waiver {who} has run out",
    "waiver-incomplete": "waiver {who} does not say why, by whom or until when",
}
"""Rules of others are said by their titles."""

REMEDIES: Mapping[str, str] = {
    "disable": "disable",
    "remove": "take away",
    "cut": "cut the nesting",
    "rotate": "change the secret",
    "assign-owner": "name an owner",
    "grant": "grant it",
    "train": "train",
    "review": "decide",
    "fix": "put it right",
}

ACTORS: Mapping[str, str] = {
    "disable": "the administrators",
    "remove": "the administrators",
    "cut": "the owner of the group",
    "rotate": "the administrators",
    "assign-owner": "the operations head",
    "grant": "the administrators",
    "train": "the manager or owner",
    "review": "the manager or owner",
    "fix": "whoever keeps the templates",
}
"""Who does what a remedy says."""
