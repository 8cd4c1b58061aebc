"""What was once seen, or must never be, and the tests that hold it: read this first, and add a line with each attack."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

HERE = Path(__file__).parent

SEEN: Mapping[str, str] = {
    "a plan that asks for no approval, resealed, and carried out by who asked": """
        plans: a_plan_cannot_say_that_nobody_need_approve_it, an_edited_plan_is_not_carried_out_though_two_people_signed_it""",
    "a plan with more accounts, higher limits or a longer life": """
        plans: an_edited_plan_is_not_carried_out_though_two_people_signed_it,
        a_plan_that_was_edited_after_it_was_signed_has_no_signatures""",
    "a grant slipped into what takes away": """
        plans: an_edited_plan_is_not_carried_out_though_two_people_signed_it""",
    "an unattended run with a plan that nobody signed, or in a leaver's name": """
        plans: a_plan_that_nobody_signed_is_not_carried_out_unattended
        whose_key: an_unattended_run_is_signed_by_the_jobs_own_key_and_by_no_other, the_jobs_key_asks_and_approves_nothing,
        an_unattended_run_that_nobody_signs_says_so, a_key_that_has_ended_or_that_others_may_open_is_none,
        what_an_unattended_run_took_is_given_back_also_after_the_policy_and_its_signatures_changed,
        a_key_of_both_or_of_nobody_and_a_job_that_may_more_are_mistakes""",
    "a secret in a source file, printed": """
        odd_files: a_secret_in_a_source_file_is_one_mistake_and_is_not_repeated,
        a_secret_in_a_source_file_brings_no_traceback""",
    "another time for what writes": """
        clock: an_expired_plan_writes_nothing_whatever_time_is_asked_for,
        nothing_that_signs_writes_or_reads_back_takes_another_time, a_plan_that_is_yet_to_be_made_is_not_carried_out,
        a_live_source_read_under_another_moment_is_a_rehearsal_on_which_nothing_rests,
        a_plan_moved_into_a_rehearsal_is_refused, no_variable_moves_the_clock_of_the_command,
        recorded_sources_are_reviewed_as_of_any_moment,
        where_files_alone_are_read_another_time_is_taken_until_a_run_is_of_the_machines_clock,
        where_files_alone_are_read_a_time_to_come_may_be_tried,
        nobody_dates_back_what_they_merely_claim""",
    "a directory of which a file is empty or cut, between entries too": """
        odd_files: a_directory_of_which_one_file_is_cut_is_incomplete_and_closes_nothing,
        a_directory_cut_between_entries_is_fewer_than_was_read_before_and_closes_nothing,
        a_leaver_cut_from_the_end_of_a_file_is_still_named_by_a_group_which_closes_nothing""",
    "a journal deleted or rolled back, a plan under another name": """
        journal_and_logbook: no_figure_is_made_of_what_was_written_into_a_run,
        a_run_whose_second_review_was_killed_is_reviewed_again, a_journal_that_is_gone_is_never_begun_again, a_journal_that_was_rolled_back_is_refused,
        a_plan_under_another_name_is_none, what_lies_there_and_was_never_logged_counts_for_nothing,
        of_runs_of_one_second_the_logbook_says_which_is_the_newest,
        the_check_names_what_was_changed_and_a_head_kept_elsewhere_shows_a_rollback,
        the_check_names_a_journal_whose_beginning_was_cut_off_the_logbook,
        a_batch_that_a_forged_line_calls_pruned_still_counts,
        a_forged_line_that_lacks_what_others_rest_on_is_a_damaged_logbook_and_is_named,
        a_forged_line_about_the_draw_of_no_run_stops_no_audit, a_workspace_from_before_the_logbook_gets_one_once
        plans: a_plan_is_carried_out_from_where_it_was_made_and_once""",
    "a snapshot edited so that everything fits, and reviewed again": """
        plans: a_run_edited_consistently_changes_nothing_for_who_is_employed,
        an_input_that_is_missing_or_different_is_named,
        a_run_whose_ids_lead_elsewhere_changes_nothing_of_somebody_else""",
    "a person who is nobody, gains by it, or is the requester under another spelling": """
        people: a_waiver_is_approved_by_a_person_who_neither_asked_nor_gains, a_sheet_that_names_a_stranger_is_not_read,
        a_second_row_of_the_requesters_name_is_no_second_person,
        a_second_row_of_the_holders_name_answers_nothing_about_their_access,
        whoever_was_to_leave_by_now_acts_no_more_though_nothing_was_read_since,
        work_done_by_hand_is_confirmed_by_a_person_and_for_a_change_of_the_plan
        assurance: a_waiver_says_whether_its_approver_signed_it_as_it_now_is,
        whoever_asks_for_a_waiver_may_sign_it_and_is_claimed_otherwise, a_sign_off_says_whether_it_was_signed""",
    "carried out by a name that anybody may write": """
        people: carrying_out_is_signed_by_who_does_it_and_no_approver_does,
        an_approval_of_another_workspace_counts_for_nothing
        whose_key: where_the_policy_says_so_whoever_asked_does_not_carry_it_out""",
    "much taken in small rounds": """
        small_rounds: a_second_round_counts_with_the_first_until_that_is_given_back_or_a_week_old,
        a_plan_knows_of_a_batch_that_was_killed_before_anybody_signs_it, an_acceptance_that_nobody_gave_begins_no_count_anew,
        a_batch_that_was_killed_and_whose_journal_was_taken_away_counts_with_all_of_its_plan,
        a_killed_batch_counts_with_all_of_its_plan_also_once_it_went_on_or_was_looked_at,
        a_batch_that_was_stopped_and_killed_when_it_went_on_counts_with_all_of_its_plan,
        a_killed_batch_that_was_given_back_counts_no_more,
        a_batch_that_no_system_let_in_did_not_begin_and_counts_nothing,
        what_was_given_back_counts_no_more, a_batch_whose_plan_is_gone_stops_no_other_and_still_counts,
        a_give_back_that_nobody_began_here_begins_no_new_day, an_audit_that_is_signed_off_begins_no_new_day,
        no_policy_and_no_raised_limit_takes_more_than_a_fifth_in_a_day""",
    "several audits, or several who answer, at once": """
        at_once: three_audits_at_once_draw_one_week_once, four_people_who_answer_at_once_lose_nothing,
        decisions_from_before_there_was_a_store_are_read_and_taken_over""",
    "a tenant without its groups": """
        odd_files: a_tenant_without_its_groups_is_incomplete_and_the_run_goes_on""",
    "one standing signer who leaves, and a job that does nothing": """
        standing_and_draw: one_signer_who_leaves_is_passed_over_and_said_and_two_are_needed,
        a_standing_signature_can_be_withdrawn, a_standing_approval_of_another_workspace_is_none,
        a_job_that_is_not_heard_of_is_an_alarm_of_the_daily_check""",
    "a standing removal with other words, signers, notices or managers, a stop rolled back, or a world that moved": """
        standing_removals: whatever_is_not_as_it_was_signed_and_told_takes_nothing, another_manager_is_told_anew,
        what_a_killed_look_may_have_taken_is_not_taken_again_though_its_journal_was_taken_away,
        what_became_privileged_between_plan_and_call_is_left_alone, what_is_stopped_while_everything_is_read_again_is_left_alone,
        forged_notices_count_for_nothing_and_stops_edits_and_days_hold""",
    "a key that has ended, an approver who has left": """
        people: a_key_that_has_ended_signs_nothing_however_it_is_dated, an_approver_who_has_left_since_does_not_count,
        an_approval_that_is_withdrawn_counts_no_more_even_when_the_withdrawal_is_deleted""",
    "a batch that goes on although what it rests on was taken back": """
        taken_back: an_approval_that_is_taken_back_stops_the_batch_that_runs_on_it,
        a_standing_approval_that_is_taken_back_stops_the_batch_that_runs_on_it""",
    "a plan from another run's folder or from outside, or for another system": """
        plans: a_plan_copied_into_another_run_is_refused, a_plan_is_carried_out_from_where_it_was_made_and_once,
        a_name_that_is_a_commands_own_or_no_folders_is_refused,
        a_plan_is_not_carried_out_on_another_system_than_the_one_it_was_made_for
        people: what_lies_beside_a_plan_must_say_what_it_says""",
    "a sample drawn again until it suits": """
        standing_and_draw: a_sample_drawn_again_after_its_run_was_taken_away_is_not_called_committed,
        a_rolled_back_state_draws_nothing, the_key_of_the_draw_may_lie_with_the_auditor,
        the_auditor_may_keep_the_key_from_the_first_week_on, whoever_was_not_read_for_a_week_waits_on_from_where_they_were""",
    "a policy that switches guards off": """
        small_rounds: a_policy_does_not_switch_guards_off, no_policy_and_no_raised_limit_takes_more_than_a_fifth_in_a_day""",
    "odd values where a person, a time or a path is expected": """
        odd_values: odd_values_in_any_field_of_any_kind_of_signed_statement_are_passed_over,
        odd_values_in_any_place_of_any_declared_file_are_a_mistake_with_its_place_or_taken""",
    "a pipe, an endless file, a zip of nothing but air, an interruption": """
        odd_files: what_is_no_file_is_not_waited_for, evidence_is_made_of_no_file_without_end,
        what_is_larger_than_it_may_be_is_refused_by_its_size_and_not_by_reading_it, a_zip_of_air_is_refused_before_it_costs_memory,
        whoever_looks_at_a_folder_of_odd_files_waits_for_none_and_is_told_of_each,
        an_interruption_is_one_line_and_130""",
    "keys and runs that others may open, a confirmation of nothing": """
        odd_files: a_key_that_others_may_read_signs_nothing, a_key_that_is_none_is_said_to_be_none,
        runs_that_others_may_open_are_not_signed, a_confirmation_of_a_change_that_nobody_planned_is_an_error
        people: a_key_that_others_may_read_signs_nothing""",
    "a wind-down that takes more than was declared": """
        wind_downs: two_sign_it_and_then_all_of_them_go_at_once_and_nobody_else,
        more_people_than_were_declared_are_too_many_also_over_several_batches,
        a_source_that_lost_more_than_a_batch_took_is_not_believed, a_journal_that_merely_lies_there_explains_nothing,
        a_second_file_for_the_same_client_does_not_begin_anew, edited_after_it_was_signed_it_counts_for_nothing,
        a_signature_taken_back_ends_it_also_for_a_plan_that_is_approved,
        before_it_begins_and_after_it_is_over_nothing_is_planned_or_carried_out,
        people_of_another_client_are_not_taken_by_name_nor_by_an_edited_plan,
        somebody_who_moves_to_another_client_before_it_goes_out_is_left_alone,
        what_is_no_wind_down_is_a_mistake_with_its_place, it_is_not_mixed_with_what_sets_other_bounds""",
    "any file edited, copied, rolled back, deleted or swapped between any two steps": """
        tampering: nothing_is_done_that_two_people_did_not_ask_for_and_a_review_does_not_justify,
        what_lies_on_disk_is_believed_as_it_once_was_or_not_at_all""",
    "no attack, and refused: an audit signed off, decisions, a newer review, a batch resumed or undone meanwhile": """
        plans: signing_off_another_audit_between_plan_and_apply_refuses_nothing,
        new_decisions_between_plan_and_apply_refuse_nothing, what_happens_besides_between_plan_and_apply_refuses_nothing,
        a_batch_that_was_stopped_goes_on_after_a_newer_review,
        a_batch_stopped_and_resumed_between_plan_and_apply_of_another_refuses_nothing
        small_rounds: what_was_given_back_counts_no_more""",
}
"""Module and names of tests, by what they hold off; each name without ``test_``."""


def _listed() -> Iterator[tuple[str, str]]:
    for held_by in SEEN.values():
        module = ""
        for word in held_by.replace(",", " ").split():
            if word.endswith(":"):
                module = word.removesuffix(":")
            else:
                yield module, word


def test_each_attack_has_its_tests_and_each_test_its_attack() -> None:
    there = {
        (path.stem.removeprefix("test_"), node.name.removeprefix("test_"))
        for path in HERE.glob("test_*.py")
        if path != Path(__file__)
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    assert set(_listed()) == there
