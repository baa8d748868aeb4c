import Glibc
import SystemPackage

/// Starts a thread of the system; nil where it has none left. `name` has at most 15 characters. Join the thread.
func startThread(_ name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t? {
    let body = Unmanaged.passRetained(
        ThreadBody {
            nameThread(name)
            body()
        })
    var thread = pthread_t()
    let status = pthread_create(
        &thread, nil,
        { argument in
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, body.toOpaque())
    guard status == 0 else {
        body.release()
        return nil
    }
    return thread
}

/// A closure in an object, for a C callback.
private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Names the calling thread, for debuggers and `top -H`.
private func nameThread(_ name: String) {
    guard let file = try? FileDescriptor.open("/proc/thread-self/comm", .writeOnly) else { return }
    _ = try? file.writeAll(name.utf8)
    try? file.close()
}
