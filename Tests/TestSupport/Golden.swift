import Foundation
import NeuralNetworks

/// Numbers that other programs computed, for cases described in a manifest (see `tools/golden/make.py`).
package struct Golden {
    /// One case: an operation, its settings, and tensors with names.
    package struct Case: CustomStringConvertible {
        package let name: String
        package let operation: String
        private let fields: [String: Any]
        private let file: SafetensorsFile?

        fileprivate init(name: String, operation: String, fields: [String: Any], file: SafetensorsFile?) {
            self.name = name
            self.operation = operation
            self.fields = fields
            self.file = file
        }

        package var description: String { "\(operation) \(name)" }

        private func field<T>(_ key: String, as type: T.Type) throws -> T {
            guard let value = fields[key] as? T else {
                throw GoldenError("\(name): field \(key) is \(fields[key] ?? "missing"), not \(type)")
            }
            return value
        }

        package func has(_ key: String) -> Bool { fields[key] != nil }
        package func int(_ key: String) throws -> Int { try field(key, as: Int.self) }
        package func double(_ key: String) throws -> Double { try field(key, as: Double.self) }
        package func bool(_ key: String) throws -> Bool { try field(key, as: Bool.self) }
        package func string(_ key: String) throws -> String { try field(key, as: String.self) }
        package func ints(_ key: String) throws -> [Int] { try field(key, as: [Int].self) }
        package func strings(_ key: String) throws -> [String] { try field(key, as: [String].self) }
        package func intRows(_ key: String) throws -> [[Int]] { try field(key, as: [[Int]].self) }

        /// Numbers; null reads as NaN.
        package func doubles(_ key: String) throws -> [Double] {
            try field(key, as: [Any].self).map { value in
                if value is NSNull { return .nan }
                guard let number = value as? Double else { throw GoldenError("\(name): \(key) holds \(value)") }
                return number
            }
        }

        /// A number for both directions, or one for each: (y, x).
        package func pair(_ key: String) throws -> (Int, Int) {
            if let both = fields[key] as? Int { return (both, both) }
            let values = try ints(key)
            guard values.count == 2 else { throw GoldenError("\(name): \(key) has \(values.count) numbers") }
            return (values[0], values[1])
        }

        /// A dictionary of settings, such as an optimizer's `params`.
        package func settings(_ key: String) throws -> Settings {
            Settings(values: try field(key, as: [String: Any].self))
        }

        /// Seed and scale of an input made by `Formula`.
        package func formula(_ tensor: String) throws -> (seed: UInt64, scale: Double) {
            let all = try field("gen", as: [String: Any].self)
            guard let numbers = all[tensor] as? [Double], numbers.count == 2 else {
                throw GoldenError("\(name): no formula for \(tensor)")
            }
            return (UInt64(numbers[0]), numbers[1])
        }

        package func hasTensor(_ tensor: String) -> Bool { file?.entries["\(name).\(tensor)"] != nil }

        /// A tensor of this case, or of the case named by `owner`, in the same file.
        package func tensor(_ tensor: String, of owner: String? = nil) throws -> GoldenTensor {
            let full = "\(owner ?? name).\(tensor)"
            guard let file, let entry = file.entries[full] else { throw GoldenError("no tensor \(full)") }
            return GoldenTensor(
                name: full, dtype: entry.dtype, shape: entry.shape, bytes: file.withBytes(of: full) { Array($0) })
        }

        /// An input: float32 numbers.
        package func floats(_ name: String, of owner: String? = nil) throws -> [Float] {
            try tensor(name, of: owner).floats()
        }

        /// A result: float64 numbers.
        package func doubles(tensor name: String, of owner: String? = nil) throws -> [Double] {
            try tensor(name, of: owner).doubles()
        }
    }

    package struct Settings {
        fileprivate let values: [String: Any]

        package var keys: Set<String> { Set(values.keys) }
        package func double(_ key: String, or fallback: Double) -> Double { values[key] as? Double ?? fallback }
        package func bool(_ key: String, or fallback: Bool) -> Bool { values[key] as? Bool ?? fallback }
        package func int(_ key: String, or fallback: Int) -> Int { values[key] as? Int ?? fallback }
        package func string(_ key: String, or fallback: String) -> String { values[key] as? String ?? fallback }
        package func doubles(_ key: String) -> [Double]? { values[key] as? [Double] }
    }

    package let folder: String
    package let cases: [Case]
    /// The generator's first numbers for a seed, as the maker of the numbers computed them.
    package let check: (seed: UInt64, bits: [UInt64], values: [Float])

    /// The folder in the environment's `NUCLEI_GOLDEN`, else the fixtures beside the tests.
    package static var defaultFolder: String {
        if let folder = ProcessInfo.processInfo.environment["NUCLEI_GOLDEN"], !folder.isEmpty { return folder }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/golden").path
    }

    package init(folder: String = Golden.defaultFolder) throws {
        self.folder = folder
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/manifest.json"))
        guard let manifest = try JSONSerialization.jsonObject(with: data) as? [String: Any],
            let list = manifest["cases"] as? [[String: Any]],
            let generator = manifest["generator"] as? [String: Any], let check = generator["check"] as? [String: Any],
            let seed = check["seed"] as? Int, let bits = check["first_u64"] as? [String],
            let values = check["first_gen_scale1"] as? [Double]
        else { throw GoldenError("\(folder)/manifest.json is not a manifest of golden numbers") }
        self.check = (UInt64(seed), bits.compactMap { UInt64($0) }, values.map { Float($0) })
        var files: [String: SafetensorsFile] = [:]
        cases = try list.map { fields in
            guard let name = fields["case"] as? String, let operation = fields["op"] as? String else {
                throw GoldenError("a case without name or operation: \(fields)")
            }
            var file: SafetensorsFile?
            if let path = fields["file"] as? String {
                file = try files[path] ?? SafetensorsFile(path: "\(folder)/\(path)")
                files[path] = file
            }
            return Case(name: name, operation: operation, fields: fields, file: file)
        }
    }

    /// The cases of an operation. Throws when there are fewer than `minimum`, because a test over none cannot fail.
    package func cases(of operation: String, atLeast minimum: Int = 1) throws -> [Case] {
        let found = cases.filter { $0.operation == operation }
        guard found.count >= minimum else {
            throw GoldenError("\(folder) has \(found.count) cases of \(operation), expected \(minimum) or more")
        }
        return found
    }
}

/// The golden numbers are not what a test expects.
package struct GoldenError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// A tensor as it lies in a file.
package struct GoldenTensor {
    package let name: String
    package let dtype: String
    package let shape: [Int]
    package let bytes: [UInt8]

    package func floats() throws -> [Float] { try elements("F32") }
    package func doubles() throws -> [Double] { try elements("F64") }
    package func integers() throws -> [Int64] {
        dtype == "I32" ? try (elements("I32") as [Int32]).map { Int64($0) } : try elements("I64")
    }
    package func octets() throws -> [UInt8] { try elements("U8") }

    private func elements<T>(_ expected: String) throws -> [T] {
        guard dtype == expected else { throw GoldenError("\(name) is \(dtype), not \(expected)") }
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / MemoryLayout<T>.stride).map {
                raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<T>.stride, as: T.self)
            }
        }
    }
}
