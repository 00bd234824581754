/// Runs a job where it is enqueued: a task goes on in the thread that resumes it, without waking another.
///
/// For the few instructions that pass a result on from one thread to the next. Whoever resumes such a task holds no lock
/// that they take.
package final class InlineExecutor: TaskExecutor {
    package init() {}

    package func enqueue(_ job: consuming ExecutorJob) {
        UnownedJob(job).runSynchronously(on: asUnownedTaskExecutor())
    }
}
