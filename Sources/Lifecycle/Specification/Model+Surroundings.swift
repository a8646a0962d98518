extension Model {
  /// The driver of the machine and everybody who has an influence on it. Whoever may do several
  /// things does any of them, or waits; nobody waits for ever (weak fairness).
  static let surroundings = #"""
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

    """#
}
