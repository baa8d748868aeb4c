import COpenSSL
import SystemPackage

/// The SHA-256 digest of bytes that arrive in pieces (FIPS 180-4), computed by OpenSSL's libcrypto.
package final class SHA256 {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            fatalError("libcrypto has no SHA-256")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) {
        let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(status == 1, "SHA-256 is used after its digest was taken")
    }

    /// The digest of all bytes added, in 64 hexadecimal digits. Call it once, after the last `update`.
    package func digest() -> String {
        let bytes = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
            var length: UInt32 = 0
            let status = EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
            precondition(status == 1, "the SHA-256 digest is taken twice")
            count = Int(length)
        }
        return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> String {
        let hash = SHA256()
        hash.update(bytes)
        return hash.digest()
    }

    package static func digest(of text: String) -> String {
        var text = text
        return text.withUTF8 { digest(of: UnsafeRawBufferPointer($0)) }
    }

    /// The digest of a file's content. Throws `unreadable`.
    package static func digest(ofFile path: FilePath) throws(FileError) -> String {
        try FileError.reading(path) {
            let file = try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec])
            return try file.closeAfter {
                let hash = SHA256()
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
                defer { buffer.deallocate() }
                while case let count = try file.read(into: buffer), count > 0 {
                    hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                }
                return hash.digest()
            }
        }
    }
}
