import CDigest
import Foundation

/// The SHA-256 digest of bytes that come in pieces (FIPS 180-4).
package struct SHA256 {
    private var state: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]
    private var block = [UInt8]()
    private var count: UInt64 = 0
    private var schedule = [UInt32](repeating: 0, count: 64)
    /// Whether instructions that processors have for this are left alone.
    private let usesPlainCode: Bool

    package init(usesPlainCode: Bool = false) { self.usesPlainCode = usesPlainCode }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        count += UInt64(bytes.count)
        var rest = bytes[...]
        if !block.isEmpty {
            let missing = rest.prefix(64 - block.count)
            block += missing
            rest = rest.dropFirst(missing.count)
            guard block.count == 64 else { return }
            let full = block
            full.withUnsafeBytes { compress($0) }
            block.removeAll(keepingCapacity: true)
        }
        let whole = rest.count / 64
        compress(UnsafeRawBufferPointer(rebasing: rest.prefix(whole * 64)))
        block += rest.dropFirst(whole * 64)
    }

    /// The digest of all bytes so far, in 64 hexadecimal digits.
    package func digest() -> String {
        var last = self
        let bits = count * 8
        let zeros = (119 - Int(count % 64)) % 64
        let padding =
            [0x80] + [UInt8](repeating: 0, count: zeros)
            + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - 8 * $0)) }
        padding.withUnsafeBytes { last.update($0) }
        return last.state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digest()
    }

    /// The digest of a file's content. Throws `unreadable`.
    package static func digest(ofFile path: String) throws(FileError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        defer { if descriptor >= 0 { close(descriptor) } }
        var hash = SHA256()
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = descriptor < 0 ? -1 : read(descriptor, &buffer, buffer.count)
            if count < 0 {
                if errno == EINTR, descriptor >= 0 { continue }
                throw FileError(path, .unreadable, "cannot be read (\(String(cString: strerror(errno))))")
            }
            if count == 0 { return hash.digest() }
            buffer.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    /// Takes in whole blocks.
    private mutating func compress(_ bytes: UnsafeRawBufferPointer) {
        let blocks = bytes.count / 64
        guard blocks > 0, let start = bytes.baseAddress else { return }
        if !usesPlainCode, cd_sha256_blocks(&state, start.assumingMemoryBound(to: UInt8.self), blocks, Self.constants) {
            return
        }
        for index in 0..<blocks {
            compressBlock(UnsafeRawBufferPointer(rebasing: bytes[64 * index..<64 * (index + 1)]))
        }
    }

    private mutating func compressBlock(_ bytes: UnsafeRawBufferPointer) {
        for i in 0..<16 {
            schedule[i] = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self))
        }
        for i in 16..<64 {
            let (w15, w2) = (schedule[i - 15], schedule[i - 2])
            let s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ w15 >> 3
            let s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ w2 >> 10
            schedule[i] = schedule[i - 16] &+ s0 &+ schedule[i - 7] &+ s1
        }
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for i in 0..<64 {
            let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
            let t1 = h &+ s1 &+ ((e & f) ^ (~e & g)) &+ Self.constants[i] &+ schedule[i]
            let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
            let t2 = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ t1, c, b, a, t1 &+ t2)
        }
        for (index, value) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= value }
    }

    @inline(__always) private func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
        value >> count | value << (32 - count)
    }

    /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = {
        func isPrime(_ number: UInt64) -> Bool { !(2..<number).contains { $0 * $0 <= number && number % $0 == 0 } }
        var (result, candidate) = ([UInt32](), UInt64(2))
        while result.count < 64 {
            if isPrime(candidate) { result.append(cubeRootFraction(candidate)) }
            candidate += 1
        }
        return result
    }()

    /// floor(cbrt(number) * 2^32) modulo 2^32, by bisection in whole numbers.
    private static func cubeRootFraction(_ number: UInt64) -> UInt32 {
        // cbrt(311) < 7: its multiple is below 2^35, and cubes below 2^105.
        var (low, high) = (UInt64(0), UInt64(1) << 35)
        let target = UInt128(number) << 96
        while high - low > 1 {
            let middle = (low + high) / 2
            let cube = UInt128(middle) * UInt128(middle) * UInt128(middle)
            if cube <= target { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }
}
