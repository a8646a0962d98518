extension Model {
  /// What spin proves of the model: each claim in words, and as a formula of linear temporal logic.
  static let claims = #"""
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
    """# + "\n"
}
