import Glibc
import SystemPackage

extension Errno {
    /// The error of the calling thread's last failed system call.
    package static var last: Errno { Errno(rawValue: errno) }
}

extension FileError {
    /// Calls functions of swift-system that read a file. Throws `unreadable` in place of an `Errno`.
    package static func reading<Value>(_ path: FilePath, _ body: () throws -> Value) throws(FileError) -> Value {
        try converting({ .unreadable(path, $0) }, body)
    }

    /// Calls functions of swift-system that write a file. Throws `unwritable` in place of an `Errno`.
    package static func writing<Value>(_ path: FilePath, _ body: () throws -> Value) throws(FileError) -> Value {
        try converting({ .unwritable(path, $0) }, body)
    }

    private static func converting<Value>(
        _ convert: (Errno) -> FileError, _ body: () throws -> Value
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
