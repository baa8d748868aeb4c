import Glibc
import SystemPackage

extension FileDescriptor {
    /// Reserves space for the first bytes of a file, so that writing them later does not fill the disk.
    ///
    /// Throws `unwritable`, about `path`, where there is too little. `purpose` follows the number of bytes in the
    /// message, such as " of a.svs".
    package func reserve(_ byteCount: Int, _ path: FilePath, for purpose: String = "") throws(FileError) {
        var status: Int32
        repeat { status = posix_fallocate(rawValue, 0, off_t(max(1, byteCount))) } while status == EINTR
        guard status != 0 else { return }
        throw FileError(
            path, .unwritable,
            "expected space for \(byteCount) bytes\(purpose), found too little (\(Errno(rawValue: status)))")
    }
}
