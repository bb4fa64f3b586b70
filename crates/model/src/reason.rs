//! Why a run is where it is: stable codes that scripts can match on.

crate::state::text_enum! {
    /// A stable code; the run's `message` says the same to people.
    Reason {
        /// Waits for its turn.
        Queued = "queued",
        /// The server's limit on running runs is reached.
        GlobalLimit = "global-limit",
        /// The pipeline's `max_instances` is reached.
        PipelineLimit = "pipeline-limit",
        /// As many runs of its `concurrency` key are active as may be.
        KeyLimit = "key-limit",
        /// As many runs of its key were active as may be: it was skipped.
        Overlapping = "overlapping",
        /// As many runs of the project are active as it may have.
        ProjectLimit = "project-limit",
        /// The project has too little left of what its active runs may have together: cores, or memory.
        ProjectQuota = "project-quota",
        /// As many runs are active on the target as it may have.
        TargetLimit = "target-limit",
        /// The disk has too little room to start anything.
        DiskFull = "disk-full",
        /// The storage of files does not answer.
        StorageUnavailable = "storage-unavailable",
        /// Its environment is being built.
        PreparingEnvironment = "preparing-environment",
        /// Its image is being pulled, or its container made.
        PreparingContainer = "preparing-container",
        /// The cluster has not admitted it: a queue, or a quota.
        WaitingForQuota = "waiting-for-quota",
        /// No node of the cluster takes it.
        Unschedulable = "unschedulable",
        /// Asked to stop; its processes have the grace period.
        Stopping = "stopping",
        /// The process returned a status other than 0.
        ExitCode = "exit-code",
        /// A signal ended the process.
        Signal = "signal",
        /// Killed for its memory limit.
        OutOfMemory = "out-of-memory",
        /// Killed for another limit.
        LimitExceeded = "limit-exceeded",
        /// Killed for its time limit.
        TimedOut = "timed-out",
        /// Somebody asked for it.
        Cancelled = "cancelled",
        /// The environment cannot be built.
        EnvironmentFailed = "environment-failed",
        /// Its image cannot be had.
        ImageUnavailable = "image-unavailable",
        /// The cluster moved it out of the way.
        Evicted = "evicted",
        /// The command or interpreter cannot be started.
        StartFailed = "start-failed",
        /// Code or inputs could not be put in place.
        StagingFailed = "staging-failed",
        /// A secret that it asks for is not there, or cannot be opened.
        SecretMissing = "secret-missing",
        /// The place where the value of a secret lies does not give it now.
        SecretUnavailable = "secret-unavailable",
        /// What the run wrote could not be kept.
        OutputsFailed = "outputs-failed",
        /// It succeeded, and something in its outputs folder is no file that can be kept, or is beyond what is kept.
        OutputsLeftOut = "outputs-left-out",
        /// The target that the spec asks for is not there.
        TargetUnavailable = "target-unavailable",
        /// Waits for the answer of a person.
        WaitingForApproval = "waiting-for-approval",
        /// A person said no.
        Rejected = "rejected",
        /// A step of the flow failed.
        StepFailed = "step-failed",
        /// The executor vanished with the attempt.
        Lost = "lost",
    }
}
