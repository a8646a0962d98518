/* Printed by par-lifecycle spec --format promela; make verify lets spin check it. */
#define fetching_not_begun 0
#define fetching 1
#define verifying 2
#define installing_none 3
#define installing_hit 4
#define installing_miss 5
#define installing_no_worker 6
#define loading_first 7
#define loading_first_no_worker 8
#define loading_again_1_of_2_restarts_used 9
#define loading_again_waiting_restarts_used_up 10
#define loading_again_restarts_used_up 11
#define ready 12
#define ready_no_worker 13
#define ready_1_of_2_restarts_used 14
#define ready_restarts_used_up 15
#define draining_configuration_stopping 16
#define draining_failure_stopping 17
#define draining_asked_stopping 18
#define draining_configuration_stopping_signalled 19
#define draining_failure_stopping_signalled 20
#define draining_hard_limit_stopping 21
#define draining_hard_limit_stopping_signalled 22
#define draining_configuration_killing_worker_runs 23
#define draining_failure_killing_worker_runs 24
#define draining_asked_killing_worker_runs 25
#define draining_hard_limit_killing_worker_runs 26
#define draining_asked_lame_duck_worker_runs_streams 27
#define draining_asked_closing_worker_runs_streams 28
#define draining_configuration_killing 29
#define draining_configuration_killing_worker_runs_signalled 30
#define draining_configuration_killing_worker_runs_idle 31
#define draining_failure_killing 32
#define draining_failure_killing_worker_runs_signalled 33
#define draining_failure_killing_worker_runs_idle 34
#define draining_asked_killing 35
#define draining_asked_killing_worker_runs_idle 36
#define draining_hard_limit_killing 37
#define draining_hard_limit_killing_worker_runs_signalled 38
#define draining_hard_limit_killing_worker_runs_idle 39
#define draining_asked_lame_duck_streams 40
#define draining_asked_closing_streams 41
#define draining_asked_lame_duck_worker_runs 42
#define draining_asked_stopping_worker_runs_streams 43
#define draining_asked_killing_worker_runs_streams 44
#define draining_asked_stopping_worker_runs_idle_streams 45
#define draining_asked_closing_worker_runs 46
#define draining_configuration_killing_signalled 47
#define draining_configuration_killing_worker_runs_idle_signalled 48
#define draining_failure_killing_signalled 49
#define draining_failure_killing_worker_runs_idle_signalled 50
#define draining_hard_limit_killing_signalled 51
#define draining_hard_limit_killing_worker_runs_idle_signalled 52
#define draining_asked_lame_duck 53
#define draining_asked_closing 54
#define draining_asked_stopping_worker_runs 55
#define draining_asked_stopping_streams 56
#define draining_asked_killing_streams 57
#define draining_asked_killing_worker_runs_idle_streams 58
#define draining_asked_stopping_worker_runs_idle 59
#define stopped_configuration_drained 60
#define stopped_configuration_deadline 61
#define stopped_failure_drained 62
#define stopped_failure_deadline 63
#define stopped_asked_second_signal 64
#define stopped_asked_drained 65
#define stopped_asked_deadline 66
#define stopped_configuration_second_signal 67
#define stopped_failure_second_signal 68
#define stopped_hard_limit_drained 69
#define stopped_hard_limit_deadline 70
#define stopped_hard_limit_second_signal 71
#define isFetching(s) (s >= 0 && s <= 1)
#define isVerifying(s) (s >= 2 && s <= 2)
#define isInstalling(s) (s >= 3 && s <= 6)
#define isLoading(s) (s >= 7 && s <= 11)
#define isReady(s) (s >= 12 && s <= 15)
#define isDraining(s) (s >= 16 && s <= 59)
#define isStopped(s) (s >= 60 && s <= 71)
#define isLameDuck(s) (s == draining_asked_lame_duck_worker_runs_streams || s == draining_asked_lame_duck_streams || s == draining_asked_lame_duck_worker_runs || s == draining_asked_lame_duck)
#define isFirst(s) (s == loading_first || s == loading_first_no_worker)
#define RESTARTS 2
mtype:State = { NOTHING, FETCHING, VERIFYING, INSTALLING, LOADING, READY, DRAINING, STOPPED };
mtype:Event = { no_event, started, package_fetched, package_verified_none, package_verified_hit, package_verified_miss, package_verified_no_worker, environment_installed, worker_ready, worker_lost, worker_lost_earlier_attempt, failed_configuration, failed_failure, SIGTERM, SIGTERM_2_s_after_the_first, SIGINT, nothing_in_flight, timer_fetch_timeout, timer_install_timeout, timer_hard_limit, timer_load_timeout, timer_restart_delay, timer_drain_minimum, timer_stream_drain, timer_agent_stop, timer_agent_kill, timer_drain_deadline, worker_lost_one_restart_past, worker_lost_all_restarts_past, timer_load_timeout_one_restart_past, timer_load_timeout_all_restarts_past };
#define isTimer(e) (e == timer_fetch_timeout || e == timer_install_timeout || e == timer_hard_limit || e == timer_load_timeout || e == timer_restart_delay || e == timer_drain_minimum || e == timer_stream_drain || e == timer_agent_stop || e == timer_agent_kill || e == timer_drain_deadline || e == timer_load_timeout_one_restart_past || e == timer_load_timeout_all_restarts_past)
mtype:Effect = { none, fetch, cancel_step, verify, exit_1, cut_in_flight, exit_0, install, start_worker, kill_worker, fail_in_flight, announce_drain, cut_streams, stop_worker };

#define fetch_timeout_armed(s) (s == fetching)
#define install_timeout_armed(s) (s == installing_miss)
#define hard_limit_armed(s) (s == verifying || s == installing_none || s == installing_hit || s == installing_no_worker || s == loading_first || s == loading_first_no_worker)
#define load_timeout_armed(s) (s == loading_again_1_of_2_restarts_used || s == loading_again_restarts_used_up)
#define restart_delay_armed(s) (s == loading_again_waiting_restarts_used_up)
#define drain_minimum_armed(s) (s == draining_asked_lame_duck_worker_runs_streams || s == draining_asked_lame_duck_streams || s == draining_asked_lame_duck_worker_runs || s == draining_asked_lame_duck)
#define stream_drain_armed(s) (s == draining_asked_lame_duck_worker_runs_streams || s == draining_asked_closing_worker_runs_streams || s == draining_asked_lame_duck_streams || s == draining_asked_closing_streams || s == draining_asked_stopping_worker_runs_streams || s == draining_asked_killing_worker_runs_streams || s == draining_asked_stopping_worker_runs_idle_streams || s == draining_asked_stopping_streams || s == draining_asked_killing_streams || s == draining_asked_killing_worker_runs_idle_streams)
#define agent_stop_armed(s) (s == draining_asked_lame_duck_worker_runs_streams || s == draining_asked_closing_worker_runs_streams || s == draining_asked_lame_duck_worker_runs || s == draining_asked_closing_worker_runs)
#define agent_kill_armed(s) (s == draining_asked_lame_duck_worker_runs_streams || s == draining_asked_closing_worker_runs_streams || s == draining_asked_lame_duck_worker_runs || s == draining_asked_stopping_worker_runs_streams || s == draining_asked_stopping_worker_runs_idle_streams || s == draining_asked_closing_worker_runs || s == draining_asked_stopping_worker_runs || s == draining_asked_stopping_worker_runs_idle)
#define drain_deadline_armed(s) (s == draining_configuration_stopping || s == draining_failure_stopping || s == draining_asked_stopping || s == draining_configuration_stopping_signalled || s == draining_failure_stopping_signalled || s == draining_hard_limit_stopping || s == draining_hard_limit_stopping_signalled || s == draining_configuration_killing_worker_runs || s == draining_failure_killing_worker_runs || s == draining_asked_killing_worker_runs || s == draining_hard_limit_killing_worker_runs || s == draining_asked_lame_duck_worker_runs_streams || s == draining_asked_closing_worker_runs_streams || s == draining_configuration_killing || s == draining_configuration_killing_worker_runs_signalled || s == draining_configuration_killing_worker_runs_idle || s == draining_failure_killing || s == draining_failure_killing_worker_runs_signalled || s == draining_failure_killing_worker_runs_idle || s == draining_asked_killing || s == draining_asked_killing_worker_runs_idle || s == draining_hard_limit_killing || s == draining_hard_limit_killing_worker_runs_signalled || s == draining_hard_limit_killing_worker_runs_idle || s == draining_asked_lame_duck_streams || s == draining_asked_closing_streams || s == draining_asked_lame_duck_worker_runs || s == draining_asked_stopping_worker_runs_streams || s == draining_asked_killing_worker_runs_streams || s == draining_asked_stopping_worker_runs_idle_streams || s == draining_asked_closing_worker_runs || s == draining_configuration_killing_signalled || s == draining_configuration_killing_worker_runs_idle_signalled || s == draining_failure_killing_signalled || s == draining_failure_killing_worker_runs_idle_signalled || s == draining_hard_limit_killing_signalled || s == draining_hard_limit_killing_worker_runs_idle_signalled || s == draining_asked_lame_duck || s == draining_asked_closing || s == draining_asked_stopping_worker_runs || s == draining_asked_stopping_streams || s == draining_asked_killing_streams || s == draining_asked_killing_worker_runs_idle_streams || s == draining_asked_stopping_worker_runs_idle)

inline fetchingTable() {
  if
  :: at == fetching_not_begun ->
    if
    :: event == started -> move(fetching, fetch, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == nothing_in_flight -> ignore()
    :: else -> refuse()
    fi
  :: at == fetching ->
    if
    :: event == package_fetched -> move(verifying, verify, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == timer_fetch_timeout -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == nothing_in_flight -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline verifyingTable() {
  if
  :: at == verifying ->
    if
    :: event == package_verified_none -> move(installing_none, install, none, none)
    :: event == package_verified_hit -> move(installing_hit, install, none, none)
    :: event == package_verified_miss -> move(installing_miss, install, none, none)
    :: event == package_verified_no_worker -> move(installing_no_worker, install, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == timer_hard_limit -> move(draining_hard_limit_stopping, cancel_step, none, none)
    :: event == nothing_in_flight || event == timer_fetch_timeout -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline installingTable() {
  if
  :: at == installing_none ->
    if
    :: event == environment_installed -> move(loading_first, start_worker, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == timer_hard_limit -> move(draining_hard_limit_stopping, cancel_step, none, none)
    :: event == nothing_in_flight || event == timer_fetch_timeout -> ignore()
    :: else -> refuse()
    fi
  :: at == installing_hit ->
    if
    :: event == environment_installed -> move(loading_first, start_worker, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == timer_hard_limit -> move(draining_hard_limit_stopping, cancel_step, none, none)
    :: event == nothing_in_flight || event == timer_fetch_timeout -> ignore()
    :: else -> refuse()
    fi
  :: at == installing_miss ->
    if
    :: event == environment_installed -> move(loading_first, start_worker, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == timer_install_timeout -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == nothing_in_flight || event == timer_fetch_timeout || event == timer_hard_limit -> ignore()
    :: else -> refuse()
    fi
  :: at == installing_no_worker ->
    if
    :: event == environment_installed -> move(loading_first_no_worker, start_worker, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, cancel_step, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, cancel_step, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, cancel_step, none, none)
    :: event == timer_hard_limit -> move(draining_hard_limit_stopping, cancel_step, none, none)
    :: event == nothing_in_flight || event == timer_fetch_timeout -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline loadingTable() {
  if
  :: at == loading_first ->
    if
    :: event == worker_ready -> move(ready, none, none, none)
    :: event == worker_lost -> move(draining_failure_stopping, none, none, none)
    :: event == failed_configuration -> move(draining_configuration_killing_worker_runs, kill_worker, none, none)
    :: event == failed_failure -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == SIGINT -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == timer_hard_limit -> move(draining_hard_limit_killing_worker_runs, kill_worker, none, none)
    :: event == worker_lost_one_restart_past -> move(draining_failure_stopping, none, none, none)
    :: event == worker_lost_all_restarts_past -> move(draining_failure_stopping, none, none, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == loading_first_no_worker ->
    if
    :: event == worker_ready -> move(ready_no_worker, none, none, none)
    :: event == failed_configuration -> move(draining_configuration_stopping, none, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, none, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, none, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, none, none, none)
    :: event == timer_hard_limit -> move(draining_hard_limit_stopping, none, none, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == loading_again_1_of_2_restarts_used ->
    if
    :: event == worker_ready -> move(ready_1_of_2_restarts_used, none, none, none)
    :: event == worker_lost -> move(loading_again_waiting_restarts_used_up, none, none, none)
    :: event == failed_configuration -> move(draining_configuration_killing_worker_runs, kill_worker, none, none)
    :: event == failed_failure -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == SIGINT -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == timer_load_timeout -> move(loading_again_waiting_restarts_used_up, kill_worker, none, none)
    :: event == worker_lost_one_restart_past -> move(loading_again_1_of_2_restarts_used, start_worker, none, none)
    :: event == worker_lost_all_restarts_past -> move(loading_again_1_of_2_restarts_used, start_worker, none, none)
    :: event == timer_load_timeout_one_restart_past -> move(loading_again_1_of_2_restarts_used, kill_worker, start_worker, none)
    :: event == timer_load_timeout_all_restarts_past -> move(loading_again_1_of_2_restarts_used, kill_worker, start_worker, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_restart_delay -> ignore()
    :: else -> refuse()
    fi
  :: at == loading_again_waiting_restarts_used_up ->
    if
    :: event == failed_configuration -> move(draining_configuration_stopping, none, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, none, none, none)
    :: event == SIGTERM -> move(draining_asked_stopping, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_stopping, none, none, none)
    :: event == SIGINT -> move(draining_asked_stopping, none, none, none)
    :: event == timer_restart_delay -> stay(loading_again_restarts_used_up, start_worker, none, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == loading_again_restarts_used_up ->
    if
    :: event == worker_ready -> move(ready_restarts_used_up, none, none, none)
    :: event == worker_lost -> move(draining_failure_stopping, none, none, none)
    :: event == failed_configuration -> move(draining_configuration_killing_worker_runs, kill_worker, none, none)
    :: event == failed_failure -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == SIGINT -> move(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == timer_load_timeout -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == worker_lost_one_restart_past -> move(loading_again_waiting_restarts_used_up, none, none, none)
    :: event == worker_lost_all_restarts_past -> move(loading_again_1_of_2_restarts_used, start_worker, none, none)
    :: event == timer_load_timeout_one_restart_past -> move(loading_again_waiting_restarts_used_up, kill_worker, none, none)
    :: event == timer_load_timeout_all_restarts_past -> move(loading_again_1_of_2_restarts_used, kill_worker, start_worker, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_restart_delay -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline readyTable() {
  if
  :: at == ready ->
    if
    :: event == worker_lost -> move(loading_again_1_of_2_restarts_used, fail_in_flight, start_worker, none)
    :: event == failed_configuration -> move(draining_configuration_killing_worker_runs, kill_worker, none, none)
    :: event == failed_failure -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM -> move(draining_asked_lame_duck_worker_runs_streams, announce_drain, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_lame_duck_worker_runs_streams, announce_drain, none, none)
    :: event == SIGINT -> move(draining_asked_closing_worker_runs_streams, announce_drain, none, none)
    :: event == worker_lost_one_restart_past -> move(loading_again_1_of_2_restarts_used, fail_in_flight, start_worker, none)
    :: event == worker_lost_all_restarts_past -> move(loading_again_1_of_2_restarts_used, fail_in_flight, start_worker, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == ready_no_worker ->
    if
    :: event == failed_configuration -> move(draining_configuration_stopping, none, none, none)
    :: event == failed_failure -> move(draining_failure_stopping, none, none, none)
    :: event == SIGTERM -> move(draining_asked_lame_duck_streams, announce_drain, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_lame_duck_streams, announce_drain, none, none)
    :: event == SIGINT -> move(draining_asked_closing_streams, announce_drain, none, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == ready_1_of_2_restarts_used ->
    if
    :: event == worker_lost -> move(loading_again_waiting_restarts_used_up, fail_in_flight, none, none)
    :: event == failed_configuration -> move(draining_configuration_killing_worker_runs, kill_worker, none, none)
    :: event == failed_failure -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM -> move(draining_asked_lame_duck_worker_runs_streams, announce_drain, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_lame_duck_worker_runs_streams, announce_drain, none, none)
    :: event == SIGINT -> move(draining_asked_closing_worker_runs_streams, announce_drain, none, none)
    :: event == worker_lost_one_restart_past -> move(loading_again_1_of_2_restarts_used, fail_in_flight, start_worker, none)
    :: event == worker_lost_all_restarts_past -> move(loading_again_1_of_2_restarts_used, fail_in_flight, start_worker, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == ready_restarts_used_up ->
    if
    :: event == worker_lost -> move(draining_failure_stopping, fail_in_flight, none, none)
    :: event == failed_configuration -> move(draining_configuration_killing_worker_runs, kill_worker, none, none)
    :: event == failed_failure -> move(draining_failure_killing_worker_runs, kill_worker, none, none)
    :: event == SIGTERM -> move(draining_asked_lame_duck_worker_runs_streams, announce_drain, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(draining_asked_lame_duck_worker_runs_streams, announce_drain, none, none)
    :: event == SIGINT -> move(draining_asked_closing_worker_runs_streams, announce_drain, none, none)
    :: event == worker_lost_one_restart_past -> move(loading_again_waiting_restarts_used_up, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> move(loading_again_1_of_2_restarts_used, fail_in_flight, start_worker, none)
    :: event == worker_lost_earlier_attempt || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline drainingTable() {
  if
  :: at == draining_configuration_stopping ->
    if
    :: event == SIGTERM -> stay(draining_configuration_stopping_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_configuration_stopping_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_configuration_stopping_signalled, none, none, none)
    :: event == nothing_in_flight -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_stopping ->
    if
    :: event == SIGTERM -> stay(draining_failure_stopping_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_failure_stopping_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_failure_stopping_signalled, none, none, none)
    :: event == nothing_in_flight -> move(stopped_failure_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_stopping ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == nothing_in_flight -> move(stopped_asked_drained, exit_0, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_stopping_signalled ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_configuration_second_signal, cut_in_flight, exit_1, none)
    :: event == SIGINT -> move(stopped_configuration_second_signal, cut_in_flight, exit_1, none)
    :: event == nothing_in_flight -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_stopping_signalled ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_failure_second_signal, cut_in_flight, exit_1, none)
    :: event == SIGINT -> move(stopped_failure_second_signal, cut_in_flight, exit_1, none)
    :: event == nothing_in_flight -> move(stopped_failure_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_stopping ->
    if
    :: event == SIGTERM -> stay(draining_hard_limit_stopping_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_hard_limit_stopping_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_hard_limit_stopping_signalled, none, none, none)
    :: event == nothing_in_flight -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_stopping_signalled ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_hard_limit_second_signal, cut_in_flight, exit_1, none)
    :: event == SIGINT -> move(stopped_hard_limit_second_signal, cut_in_flight, exit_1, none)
    :: event == nothing_in_flight -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_killing_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_configuration_killing, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_configuration_killing, fail_in_flight, none, none)
    :: event == SIGTERM -> stay(draining_configuration_killing_worker_runs_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_configuration_killing_worker_runs_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_configuration_killing_worker_runs_signalled, none, none, none)
    :: event == nothing_in_flight -> stay(draining_configuration_killing_worker_runs_idle, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> stay(draining_configuration_killing, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_configuration_killing, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_killing_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_failure_killing, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_failure_killing, fail_in_flight, none, none)
    :: event == SIGTERM -> stay(draining_failure_killing_worker_runs_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_failure_killing_worker_runs_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_failure_killing_worker_runs_signalled, none, none, none)
    :: event == nothing_in_flight -> stay(draining_failure_killing_worker_runs_idle, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> stay(draining_failure_killing, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_failure_killing, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_killing_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_asked_killing, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_killing, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == nothing_in_flight -> stay(draining_asked_killing_worker_runs_idle, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_killing, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_killing, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_killing_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_hard_limit_killing, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_hard_limit_killing, fail_in_flight, none, none)
    :: event == SIGTERM -> stay(draining_hard_limit_killing_worker_runs_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_hard_limit_killing_worker_runs_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_hard_limit_killing_worker_runs_signalled, none, none, none)
    :: event == nothing_in_flight -> stay(draining_hard_limit_killing_worker_runs_idle, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> stay(draining_hard_limit_killing, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_hard_limit_killing, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_lame_duck_worker_runs_streams ->
    if
    :: event == worker_lost -> stay(draining_asked_lame_duck_streams, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_lame_duck_streams, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == timer_drain_minimum -> stay(draining_asked_closing_worker_runs_streams, none, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_lame_duck_worker_runs, cut_streams, none, none)
    :: event == timer_agent_stop -> stay(draining_asked_stopping_worker_runs_streams, stop_worker, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs_streams, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_lame_duck_streams, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_lame_duck_streams, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_closing_worker_runs_streams ->
    if
    :: event == worker_lost -> stay(draining_asked_closing_streams, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_closing_streams, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == nothing_in_flight -> stay(draining_asked_stopping_worker_runs_idle_streams, stop_worker, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_closing_worker_runs, cut_streams, none, none)
    :: event == timer_agent_stop -> stay(draining_asked_stopping_worker_runs_streams, stop_worker, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs_streams, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_closing_streams, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_closing_streams, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_killing ->
    if
    :: event == SIGTERM -> stay(draining_configuration_killing_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_configuration_killing_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_configuration_killing_signalled, none, none, none)
    :: event == nothing_in_flight -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_killing_worker_runs_signalled ->
    if
    :: event == worker_lost -> stay(draining_configuration_killing_signalled, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_configuration_killing_signalled, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_configuration_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == SIGINT -> move(stopped_configuration_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == nothing_in_flight -> stay(draining_configuration_killing_worker_runs_idle_signalled, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> stay(draining_configuration_killing_signalled, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_configuration_killing_signalled, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_killing_worker_runs_idle ->
    if
    :: event == worker_lost -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == SIGTERM -> stay(draining_configuration_killing_worker_runs_idle_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_configuration_killing_worker_runs_idle_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_configuration_killing_worker_runs_idle_signalled, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_killing ->
    if
    :: event == SIGTERM -> stay(draining_failure_killing_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_failure_killing_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_failure_killing_signalled, none, none, none)
    :: event == nothing_in_flight -> move(stopped_failure_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_killing_worker_runs_signalled ->
    if
    :: event == worker_lost -> stay(draining_failure_killing_signalled, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_failure_killing_signalled, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_failure_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == SIGINT -> move(stopped_failure_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == nothing_in_flight -> stay(draining_failure_killing_worker_runs_idle_signalled, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> stay(draining_failure_killing_signalled, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_failure_killing_signalled, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_killing_worker_runs_idle ->
    if
    :: event == worker_lost -> move(stopped_failure_drained, exit_1, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_failure_drained, exit_1, none, none)
    :: event == SIGTERM -> stay(draining_failure_killing_worker_runs_idle_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_failure_killing_worker_runs_idle_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_failure_killing_worker_runs_idle_signalled, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> move(stopped_failure_drained, exit_1, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_failure_drained, exit_1, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_killing ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == nothing_in_flight -> move(stopped_asked_drained, exit_0, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_killing_worker_runs_idle ->
    if
    :: event == worker_lost -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_asked_drained, exit_0, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_killing ->
    if
    :: event == SIGTERM -> stay(draining_hard_limit_killing_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_hard_limit_killing_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_hard_limit_killing_signalled, none, none, none)
    :: event == nothing_in_flight -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_killing_worker_runs_signalled ->
    if
    :: event == worker_lost -> stay(draining_hard_limit_killing_signalled, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_hard_limit_killing_signalled, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_hard_limit_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == SIGINT -> move(stopped_hard_limit_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == nothing_in_flight -> stay(draining_hard_limit_killing_worker_runs_idle_signalled, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> stay(draining_hard_limit_killing_signalled, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_hard_limit_killing_signalled, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_killing_worker_runs_idle ->
    if
    :: event == worker_lost -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == SIGTERM -> stay(draining_hard_limit_killing_worker_runs_idle_signalled, none, none, none)
    :: event == SIGTERM_2_s_after_the_first -> stay(draining_hard_limit_killing_worker_runs_idle_signalled, none, none, none)
    :: event == SIGINT -> stay(draining_hard_limit_killing_worker_runs_idle_signalled, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_lame_duck_streams ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == timer_drain_minimum -> stay(draining_asked_closing_streams, none, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_lame_duck, cut_streams, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_closing_streams ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == nothing_in_flight -> move(stopped_asked_drained, exit_0, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_closing, cut_streams, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_lame_duck_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_asked_lame_duck, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_lame_duck, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == timer_drain_minimum -> stay(draining_asked_closing_worker_runs, none, none, none)
    :: event == timer_agent_stop -> stay(draining_asked_stopping_worker_runs, stop_worker, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_lame_duck, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_lame_duck, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_stream_drain || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_stopping_worker_runs_streams ->
    if
    :: event == worker_lost -> stay(draining_asked_stopping_streams, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_stopping_streams, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == nothing_in_flight -> stay(draining_asked_stopping_worker_runs_idle_streams, none, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_stopping_worker_runs, cut_streams, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs_streams, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_stopping_streams, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_stopping_streams, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_killing_worker_runs_streams ->
    if
    :: event == worker_lost -> stay(draining_asked_killing_streams, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_killing_streams, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == nothing_in_flight -> stay(draining_asked_killing_worker_runs_idle_streams, none, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_killing_worker_runs, cut_streams, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_killing_streams, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_killing_streams, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_stopping_worker_runs_idle_streams ->
    if
    :: event == worker_lost -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_asked_drained, exit_0, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == timer_stream_drain -> stay(draining_asked_stopping_worker_runs_idle, cut_streams, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs_idle_streams, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_closing_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_asked_closing, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_closing, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == nothing_in_flight -> stay(draining_asked_stopping_worker_runs_idle, stop_worker, none, none)
    :: event == timer_agent_stop -> stay(draining_asked_stopping_worker_runs, stop_worker, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_closing, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_closing, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_killing_signalled ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_configuration_second_signal, cut_in_flight, exit_1, none)
    :: event == SIGINT -> move(stopped_configuration_second_signal, cut_in_flight, exit_1, none)
    :: event == nothing_in_flight -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_configuration_killing_worker_runs_idle_signalled ->
    if
    :: event == worker_lost -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_configuration_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == SIGINT -> move(stopped_configuration_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == timer_drain_deadline -> move(stopped_configuration_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_configuration_drained, exit_1, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_killing_signalled ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_failure_second_signal, cut_in_flight, exit_1, none)
    :: event == SIGINT -> move(stopped_failure_second_signal, cut_in_flight, exit_1, none)
    :: event == nothing_in_flight -> move(stopped_failure_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_failure_killing_worker_runs_idle_signalled ->
    if
    :: event == worker_lost -> move(stopped_failure_drained, exit_1, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_failure_drained, exit_1, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_failure_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == SIGINT -> move(stopped_failure_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == timer_drain_deadline -> move(stopped_failure_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> move(stopped_failure_drained, exit_1, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_failure_drained, exit_1, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_killing_signalled ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_hard_limit_second_signal, cut_in_flight, exit_1, none)
    :: event == SIGINT -> move(stopped_hard_limit_second_signal, cut_in_flight, exit_1, none)
    :: event == nothing_in_flight -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, exit_1, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_hard_limit_killing_worker_runs_idle_signalled ->
    if
    :: event == worker_lost -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_hard_limit_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == SIGINT -> move(stopped_hard_limit_second_signal, cut_in_flight, kill_worker, exit_1)
    :: event == timer_drain_deadline -> move(stopped_hard_limit_deadline, cut_in_flight, kill_worker, exit_1)
    :: event == worker_lost_one_restart_past -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_hard_limit_drained, exit_1, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_lame_duck ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == timer_drain_minimum -> stay(draining_asked_closing, none, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_closing ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == nothing_in_flight -> move(stopped_asked_drained, exit_0, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_stopping_worker_runs ->
    if
    :: event == worker_lost -> stay(draining_asked_stopping, fail_in_flight, none, none)
    :: event == worker_lost_earlier_attempt -> stay(draining_asked_stopping, fail_in_flight, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == nothing_in_flight -> stay(draining_asked_stopping_worker_runs_idle, none, none, none)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> stay(draining_asked_stopping, fail_in_flight, none, none)
    :: event == worker_lost_all_restarts_past -> stay(draining_asked_stopping, fail_in_flight, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_stopping_streams ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == nothing_in_flight -> move(stopped_asked_drained, exit_0, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_stopping, cut_streams, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_killing_streams ->
    if
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, exit_0, none)
    :: event == nothing_in_flight -> move(stopped_asked_drained, exit_0, none, none)
    :: event == timer_stream_drain -> stay(draining_asked_killing, cut_streams, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, exit_0, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_agent_kill || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_killing_worker_runs_idle_streams ->
    if
    :: event == worker_lost -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_asked_drained, exit_0, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == timer_stream_drain -> stay(draining_asked_killing_worker_runs_idle, cut_streams, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_agent_stop || event == timer_agent_kill || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == draining_asked_stopping_worker_runs_idle ->
    if
    :: event == worker_lost -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_earlier_attempt -> move(stopped_asked_drained, exit_0, none, none)
    :: event == SIGTERM_2_s_after_the_first -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == SIGINT -> move(stopped_asked_second_signal, cut_in_flight, kill_worker, exit_0)
    :: event == timer_agent_kill -> stay(draining_asked_killing_worker_runs_idle, kill_worker, none, none)
    :: event == timer_drain_deadline -> move(stopped_asked_deadline, cut_in_flight, kill_worker, exit_0)
    :: event == worker_lost_one_restart_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == worker_lost_all_restarts_past -> move(stopped_asked_drained, exit_0, none, none)
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == failed_configuration || event == failed_failure || event == SIGTERM || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline stoppedTable() {
  if
  :: at == stopped_configuration_drained ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_configuration_deadline ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_failure_drained ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_failure_deadline ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_asked_second_signal ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_asked_drained ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_asked_deadline ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_configuration_second_signal ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_failure_second_signal ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_hard_limit_drained ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_hard_limit_deadline ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  :: at == stopped_hard_limit_second_signal ->
    if
    :: event == package_fetched || event == package_verified_none || event == package_verified_hit || event == package_verified_miss || event == package_verified_no_worker || event == environment_installed || event == worker_ready || event == worker_lost || event == worker_lost_earlier_attempt || event == failed_configuration || event == failed_failure || event == SIGTERM || event == SIGTERM_2_s_after_the_first || event == SIGINT || event == nothing_in_flight || event == timer_fetch_timeout || event == timer_install_timeout || event == timer_hard_limit || event == timer_load_timeout || event == timer_restart_delay || event == timer_drain_minimum || event == timer_stream_drain || event == timer_agent_stop || event == timer_agent_kill || event == timer_drain_deadline || event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past -> ignore()
    :: else -> refuse()
    fi
  fi
}
inline table() {
  if
  :: isFetching(at) -> fetchingTable()
  :: isVerifying(at) -> verifyingTable()
  :: isInstalling(at) -> installingTable()
  :: isLoading(at) -> loadingTable()
  :: isReady(at) -> readyTable()
  :: isDraining(at) -> drainingTable()
  :: isStopped(at) -> stoppedTable()
  fi
}

/* --- what there is --- */

byte at = fetching_not_begun;      /* the machine */
byte before = fetching_not_begun;  /* where its last transition came from */
byte next;
mtype:Event event = no_event;      /* what it is told */
mtype:Event handled = no_event;    /* what it was told last */
mtype:State written = NOTHING;     /* the last transition that has its place in the log */
mtype:State shown = NOTHING;       /* the last one that a reader of the log can see */
bool health200 = false;            /* what /health answers */
bool admits = false;               /* whether new requests are served or held */
mtype:Effect step = none;          /* fetch, verify or install while it runs */
bool hasWorker = true;             /* false: a package that is served without one */
bool checks = false;               /* without a worker: what is to be served is looked at */
mtype = { ABSENT, STARTS, RUNS, ASKED, KILLED };
mtype worker = ABSENT;             /* the agent's process */
bool inFlight = false;             /* whether a request is */
bool exited = false;
mtype = { MOVED, STAYED, IGNORED, ILLEGAL };
mtype verdict = STAYED;
mtype:Effect effects[3] = none;    /* what the machine asks for, in order */

/* --- what the claims speak of --- */

bool terminated = false;           /* a signal came */
bool startsLate = false;           /* something was started in a drain or after it */
bool lostAtLast = false;           /* a worker was lost whose restarts were used up, or in the first boot */
byte restarts = 0;                 /* those within the window */
byte drainSteps = 0;               /* what changed something since the drain began */

#define DRAIN_STEPS 6
#define quiet (event == no_event)
#define isOver(s) (isDraining(s) || isStopped(s))
#define isLost (event == worker_lost || event == timer_load_timeout || isLostLater)
#define isLostLater (event == worker_lost_one_restart_past || event == worker_lost_all_restarts_past || \
  event == timer_load_timeout_one_restart_past || event == timer_load_timeout_all_restarts_past)
#define tells(line, s) ((line == FETCHING && isFetching(s)) || (line == VERIFYING && isVerifying(s)) || \
  (line == INSTALLING && isInstalling(s)) || (line == LOADING && isLoading(s)) || \
  (line == READY && isReady(s)) || (line == DRAINING && isDraining(s)) || \
  (line == STOPPED && isStopped(s)))

inline decide(what, where, first, second, third) {
  d_step { verdict = what; next = where; effects[0] = first; effects[1] = second; effects[2] = third }
}
inline move(where, first, second, third) { decide(MOVED, where, first, second, third) }
inline stay(where, first, second, third) { decide(STAYED, where, first, second, third) }
inline ignore() { decide(IGNORED, at, none, none, none) }
inline refuse() { decide(ILLEGAL, at, none, none, none) }

/* --- the one owner of the machine: decide, log, gate, effects, in this order --- */

inline note() {
  if
  :: isLost && verdict == MOVED -> lostAtLast = (restarts == RESTARTS || isFirst(at))
  :: else
  fi;
  if
  :: verdict == MOVED && isLoading(next) && !isInstalling(at) && restarts <= RESTARTS -> restarts++
  :: else
  fi;
  if
  :: isDraining(at) && (verdict == MOVED || verdict == STAYED) && drainSteps <= DRAIN_STEPS -> drainSteps++
  :: else
  fi;
  if
  :: verdict == MOVED -> before = at
  :: else
  fi
}

inline writeLine() {
  if
  :: isFetching(at) -> written = FETCHING
  :: isVerifying(at) -> written = VERIFYING
  :: isInstalling(at) -> written = INSTALLING
  :: isLoading(at) -> written = LOADING
  :: isReady(at) -> written = READY
  :: isDraining(at) -> written = DRAINING
  :: isStopped(at) -> written = STOPPED
  fi
}
inline publish() { health200 = isReady(at); admits = isReady(at) || isLameDuck(at) || (isLoading(at) && !isFirst(at)) }
inline showLine() { shown = written }

inline begin(what) { step = what; startsLate = startsLate || isOver(at) }
inline carryOut(one) {
  if
  :: one == fetch || one == verify || one == install -> begin(one)
  :: one == cancel_step -> step = none
  :: one == start_worker && hasWorker -> worker = STARTS; startsLate = startsLate || isOver(at)
  :: one == start_worker && !hasWorker -> checks = true; startsLate = startsLate || isOver(at)
  :: one == stop_worker && worker != ABSENT -> worker = ASKED
  /* A restart waits for the end of the worker that it follows; a drain is told of it. */
  :: one == kill_worker && worker != ABSENT -> worker = (isLoading(at) -> ABSENT : KILLED)
  :: one == fail_in_flight || one == cut_in_flight -> inFlight = false
  :: one == exit_0 || one == exit_1 -> exited = true
  :: else
  fi
}

active proctype machine() {
end:
  do
  :: atomic { !quiet -> table(); note(); at = next };
    if
    :: verdict == MOVED ->
      d_step { writeLine() };
      d_step { publish() };
      showLine()
    :: verdict == STAYED -> d_step { publish() }
    :: else
    fi;
    d_step { carryOut(effects[0]) };
    d_step { carryOut(effects[1]) };
    d_step { carryOut(effects[2]); handled = event; event = no_event; next = 0; effects[0] = none; effects[1] = none; effects[2] = none }
  od
}

/* --- what the machine is told, and by whom --- */

/* A timer fires while it is armed and only then; one that stays armed fires in the end. */
active proctype clock() {
end:
  do
  :: atomic { quiet && fetch_timeout_armed(at) -> event = timer_fetch_timeout }
  :: atomic { quiet && install_timeout_armed(at) -> event = timer_install_timeout }
  :: atomic { quiet && hard_limit_armed(at) -> event = timer_hard_limit }
  :: atomic { quiet && load_timeout_armed(at) -> event = timer_load_timeout }
  :: atomic { quiet && load_timeout_armed(at) && restarts > 0 -> restarts--; event = timer_load_timeout_one_restart_past }
  :: atomic { quiet && load_timeout_armed(at) && restarts > 0 -> restarts = 0; event = timer_load_timeout_all_restarts_past }
  :: atomic { quiet && restart_delay_armed(at) -> event = timer_restart_delay }
  :: atomic { quiet && drain_minimum_armed(at) -> event = timer_drain_minimum }
  :: atomic { quiet && stream_drain_armed(at) -> event = timer_stream_drain }
  :: atomic { quiet && agent_stop_armed(at) -> event = timer_agent_stop }
  :: atomic { quiet && agent_kill_armed(at) -> event = timer_agent_kill }
  :: atomic { quiet && drain_deadline_armed(at) -> event = timer_drain_deadline }
  od
}

/* The steps of the boot, what they find, and everything that can fail. */
active proctype boot() {
end:
  do
  :: atomic { quiet && at == fetching_not_begun -> event = started }
  :: atomic { quiet && !isOver(at) -> event = failed_configuration }
  :: atomic { quiet && step == fetch -> step = none; event = package_fetched }
  :: atomic { quiet && step == verify -> step = none; event = package_verified_none }
  :: atomic { quiet && step == verify -> step = none; event = package_verified_hit }
  :: atomic { quiet && step == verify -> step = none; event = package_verified_miss }
  :: atomic { quiet && step == verify -> step = none; hasWorker = false; event = package_verified_no_worker }
  :: atomic { quiet && step == install -> step = none; event = environment_installed }
  :: atomic { quiet && !isOver(at) -> event = failed_failure }
  od
}

/* The agent's process becomes ready once, and ends whenever it likes, asked or not. Restarts leave
   their window as time goes by; the machine counts them at the next loss. */
active proctype agent() {
end:
  do
  :: atomic { quiet && worker == STARTS -> worker = RUNS; event = worker_ready }
  :: atomic { quiet && checks -> checks = false; event = worker_ready }
  :: atomic { quiet && worker != ABSENT -> worker = ABSENT; event = worker_lost }
  :: atomic { quiet && worker != ABSENT && restarts > 0 -> worker = ABSENT; restarts--; event = worker_lost_one_restart_past }
  :: atomic { quiet && worker != ABSENT && restarts > 0 -> worker = ABSENT; restarts = 0; event = worker_lost_all_restarts_past }
  od
}

/* Signals come at any time, also while the program ends. */
active proctype operator() {
  byte signals = 0;
end:
  do
  :: atomic { quiet && signals < 3 -> signals++; terminated = true; event = SIGTERM }
  :: atomic { quiet && signals < 3 -> signals++; terminated = true; event = SIGINT }
  :: atomic { quiet && signals < 3 -> signals++; terminated = true; event = SIGTERM_2_s_after_the_first }
  od
}

/* Requests begin when they are served or held, and end; when none is left and none can come, the machine is told. */
active proctype clients() {
  bool told = false;
end:
  do
  :: atomic { admits && !inFlight -> inFlight = true }
  :: atomic { inFlight -> inFlight = false }
  :: atomic { quiet && isDraining(at) && !admits && !inFlight && !told -> told = true; event = nothing_in_flight }
  od
}

/* --- the claims --- */

/* Asked to stop, the program stops, whatever happens. */
ltl terminateStops { [] (terminated -> <> exited) }

/* A drain ends in stopped, whatever happens. */
ltl drainStops { [] (isDraining(at) -> <> (isStopped(at) && exited)) }

/* There is no way out of stopped. */
ltl stoppedIsFinal { [] (isStopped(at) -> [] isStopped(at)) }

/* Draining is the only way into stopped. */
ltl onlyDrainingStops { [] (isStopped(at) -> isDraining(before)) }

/* A drain leads nowhere but to stopped. */
ltl drainingLeadsOn { [] (isDraining(at) -> [] isOver(at)) }

/* What the boot did is not done again: once ready, never fetching, verifying or installing. */
ltl bootsOnce { [] (isReady(at) -> [] !(isFetching(at) || isVerifying(at) || isInstalling(at))) }

/* Health is 200 only in ready: the line has its place in the log before. */
ltl healthFollowsTheLog { [] (health200 -> (written == READY || shown == READY)) }

/* Whoever has read a transition finds health as it says: 200 in ready, 503 in every other state. */
ltl healthIsAsRead { [] (shown == written -> (health200 <-> shown == READY)) }

/* Between two events the log's last transition is the state of the machine. */
ltl theLogIsTrue { [] ((quiet && at != fetching_not_begun) -> tells(written, at)) }

/* The process ends after the line that says so. */
ltl theLastLineIsStopped { [] (exited -> written == STOPPED) }

/* Ready is a program whose worker runs: one that loses it is not ready. */
ltl readyHasItsWorker { [] ((quiet && isReady(at) && hasWorker) -> worker == RUNS) }

/* Nothing is started in a drain, or after it. */
ltl nothingStartsInADrain { [] !startsLate }

/* What was started is stopped: at the end no step runs, and no worker that was not killed. */
ltl nothingIsLeftBehind { [] (exited -> (step == none && (worker == ABSENT || worker == KILLED))) }

/* A step runs in its own state alone. */
ltl stepsEndWithTheirState { [] (quiet -> ((step == fetch -> isFetching(at)) && (step == verify -> isVerifying(at)) && (step == install -> isInstalling(at)))) }

/* No request is forgotten: at the end each was answered, or cut off and counted. */
ltl requestsAreAnswered { [] (exited -> !inFlight) }

/* Every drain has a deadline. */
ltl theDeadlineIsArmed { [] (isDraining(at) -> drain_deadline_armed(at)) }

/* The deadline stops. */
ltl theDeadlineStops { [] ((quiet && handled == timer_drain_deadline) -> isStopped(at)) }

/* A drain has few steps: each thing that can happen in it happens once. */
ltl drainsAreShort { [] (drainSteps <= DRAIN_STEPS) }

/* There are never more restarts in a window than allowed. */
ltl restartsAreBounded { [] (restarts <= RESTARTS) }

/* A loss beyond them, or in the first boot, ends in a drain. */
ltl restartsEscalate { [] ((quiet && lostAtLast) -> isOver(at)) }

/* No timer that is armed is ignored, and nothing that can happen is illegal. */
ltl nothingIsUnexpected { [] (verdict != ILLEGAL && !(quiet && verdict == IGNORED && isTimer(handled))) }
