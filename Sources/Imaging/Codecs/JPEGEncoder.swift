import CImageCodecs
import Foundations
import Glibc

/// Encodes pictures as JPEG in memory, without chroma subsampling.
package final class JPEGEncoder {
    private let scratch: ScratchFile
    private let path: FilePath

    /// libjpeg writes to a file without a name in the folder of `path`. Throws `unwritable`.
    package init(beside path: FilePath) throws(FileError) {
        self.path = path
        scratch = try ScratchFile(beside: path)
    }

    /// The bytes of a JPEG file with interleaved RGB pixels. `quality` is libjpeg's, 1 to 100.
    package func encode(_ pixels: [UInt8], width: Int, height: Int, quality: Int) throws(FileError) -> [UInt8] {
        precondition(pixels.count == 3 * width * height && 1...100 ~= quality)
        let file = scratch.fileDescriptor
        guard ftruncate(file, 0) == 0, lseek(file, 0, SEEK_SET) == 0 else { throw .unwritable(path) }
        var handle: OpaquePointer?
        var status = cic_jpeg_writer_open(&handle, file, Int32(width), Int32(height), Int32(quality), nil)
        guard let handle else { throw FileError(path, .unwritable, "cannot be encoded (not enough memory)") }
        defer { cic_writer_close(handle) }
        if status == .ok { status = cic_writer_write(handle, pixels, Int32(height)) }
        if status == .ok { status = cic_writer_finish(handle) }
        guard status == .ok else {
            throw FileError(
                path, .unwritable, "cannot be encoded as JPEG (\(String(cString: cic_writer_message(handle))))")
        }
        let count = Int(lseek(file, 0, SEEK_END))
        var bytes = [UInt8](repeating: 0, count: max(count, 0))
        var done = 0
        while done < count {
            let part = bytes.withUnsafeMutableBytes { pread(file, $0.baseAddress! + done, count - done, off_t(done)) }
            guard part > 0 else { throw .unwritable(path) }
            done += part
        }
        return bytes
    }
}
