import Glibc
import SystemPackage

extension Errno {
    /// The error of the system call that this thread made last.
    package static var last: Errno { Errno(rawValue: errno) }
}

extension FileError {
    /// Runs a call of swift-system; `convert` turns its `Errno` into the error to throw.
    package static func wrapping<Value>(
        _ body: () throws -> Value, _ convert: (Errno) -> FileError
    ) throws(FileError) -> Value {
        do {
            return try body()
        } catch let error as Errno {
            throw convert(error)
        } catch let error as FileError {
            throw error
        } catch {
            preconditionFailure("unexpected error of a system call: \(error)")
        }
    }
}
