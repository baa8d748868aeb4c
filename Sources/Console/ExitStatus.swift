import ArgumentParser
import Foundations

/// Exit statuses of the commands, with the numbers of BSD's sysexits.h, which ArgumentParser uses too.
package enum ExitStatus {
    /// Wrong command line.
    package static let usage = ExitCode(64)
    /// A file exists, but its content is not valid.
    package static let malformed = ExitCode(65)
    /// A file or folder is missing or may not be read.
    package static let unreadable = ExitCode(66)
    /// A library that an image needs cannot be loaded.
    package static let unavailable = ExitCode(69)
    /// A failure that the input did not cause.
    package static let software = ExitCode(70)
    /// A file cannot be written.
    package static let unwritable = ExitCode(73)
    /// Done, but parts of a slide could not be read.
    package static let partlyUnreadable = ExitCode(74)
    /// Another process works on the image or in the folder: the same command may succeed later.
    package static let busy = ExitCode(75)
    /// Stopped by Ctrl-C or SIGTERM; finished work is saved.
    package static let interrupted = ExitCode(interruptedStatus)
    static let interruptedStatus: Int32 = 130

    package static let help = """
        Exit status: 0 done, 64 wrong usage, 65 malformed input, 66 missing or unreadable input, 69 OpenSlide \
        cannot be loaded, 70 failure in processing, 73 output cannot be written, 74 done but parts of a slide could \
        not be read, 75 in use by another process, 130 interrupted.
        """

    package static let helpForMany = """
        \(help) With several images: the highest status of those that failed, else 75 if another process has one, else 74 if parts of one could not be read.
        """

    /// The exit status of a command that processes many files and continues after failures: the highest of the failures;
    /// without failures, `busy`, `partlyUnreadable` or success.
    package static func combined(_ failures: [ExitCode], isPartlyUnreadable: Bool) -> ExitCode {
        let worst = failures.filter { $0 != busy }.max { $0.rawValue < $1.rawValue } ?? failures.first
        return worst ?? (isPartlyUnreadable ? partlyUnreadable : .success)
    }
}

/// An error with an exit status of its own.
package protocol ExitStatusProviding: Error {
    var exitStatus: ExitCode { get }
    /// Lines to print.
    var lines: [String] { get }
}

extension ExitStatusProviding {
    package var lines: [String] { ["\(self)"] }
}

extension FileError: ExitStatusProviding {
    package var exitStatus: ExitCode {
        switch kind {
        case .unreadable: ExitStatus.unreadable
        case .malformed: ExitStatus.malformed
        case .unwritable: ExitStatus.unwritable
        case .busy: ExitStatus.busy
        case .lacksMemory: ExitStatus.software
        case .unavailable: ExitStatus.unavailable
        }
    }

    package var lines: [String] { [nearestPath.map { "\(self); did you mean \($0)?" } ?? "\(self)"] }

    /// The file in the folder of a missing file whose name is nearly the same; nil if there is none. Short names are
    /// similar by chance, whatever their extension.
    private var nearestPath: FilePath? {
        let missing = FilePath(path)
        guard problem.hasSuffix("(\(Errno.noSuchFileOrDirectory))"), let stem = missing.stem, stem.count > 3 else {
            return nil
        }
        // A link to a missing file has the same name.
        let names = Folder.names(in: missing.folder).filter {
            $0 != missing.name && nearestName(to: stem, among: [FilePath($0).stem ?? ""]) != nil
        }
        return nearestName(to: missing.name, among: names).map { missing.sibling($0) }
    }
}

/// The user stopped the command.
package struct Interrupted: ExitStatusProviding, CustomStringConvertible {
    package let description: String
    package var exitStatus: ExitCode { ExitStatus.interrupted }

    package init(_ description: String) {
        self.description = description
    }
}

/// Runs the body of a command. Prints an error on standard error and throws its exit status.
package func reportingErrors(_ body: () throws -> Void) throws {
    do {
        try body()
        if Terminal.hasLostOutput {
            throw FileError("standard output", .unwritable, "expected to write all results, found it closed or full")
        }
    } catch let error as ExitCode {
        throw error
    } catch let error as ValidationError {
        // A message may contain the names of files.
        throw ValidationError(error.message.escapingControls)
    } catch {
        throw report(error)
    }
}

/// Prints the lines of an error on standard error; returns its exit status.
package func report(_ error: any Error) -> ExitCode {
    let known = error as? any ExitStatusProviding
    for line in known?.lines ?? ["\(error)"] {
        Terminal.writeErrorLine("\(error is Interrupted ? "" : "error: ")\(line)")
    }
    return known?.exitStatus ?? ExitStatus.software
}
