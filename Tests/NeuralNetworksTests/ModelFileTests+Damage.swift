import Foundation
import Foundations
import NeuralNetworks
import TestSupport
import Testing

/// Files that are damaged, or are no model files.
extension ModelFileTests {
    @Test func longNamesAreCutOff() throws {
        let name = String(repeating: "a", count: 100_000)
        for (first, last, end) in [(0, 4, "found bytes 0 to 4"), (0, 3, "found 3 bytes"), (1, 5, "found byte 1")] {
            let tensor = "\"\(name)\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[\(first),\(last)]}"
            let content = file("{\(tensor)}", last == 4 ? 3 : last)
            let problem = try message(content) { _ = try SafetensorsFile(path: FilePath($0)) }
            #expect(problem.contains("tensor aaa") && problem.hasSuffix(end) && problem.count < 300)
        }
        var description = description
        description.classes = [name, name]
        try Model(description).write(to: FilePath(path))
        let error = #expect(throws: FileError.self) { _ = try Model(path: FilePath(path)) }
        #expect((error?.problem.count ?? 0) < 300)
    }

    /// A safetensors file with a header and a number of zero bytes.
    func file(_ header: String, _ content: Int = 0) -> Data {
        withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8)
            + Data(repeating: 0, count: content)
    }

    func message(_ data: Data, _ read: (String) throws -> Void) throws -> String {
        try data.write(to: URL(fileURLWithPath: path))
        do {
            try read(path)
        } catch {
            return "\(error)".replacingOccurrences(of: "\(folder.path)/", with: "")
        }
        return "no error"
    }

    @Test func damagedFilesThrow() throws {
        let read: (String) throws -> Void = { _ = try SafetensorsFile(path: FilePath($0)) }
        let name = "model.safetensors: expected"
        #expect(try message(Data(), read) == "\(name) a safetensors file, found 0 bytes")
        #expect(try message(Data([1, 2, 3]), read) == "\(name) a safetensors file, found 3 bytes")
        #expect(
            try message(Data(repeating: 255, count: 20), read)
                == "\(name) a safetensors file, found a header of \(UInt64.max) bytes in a file of 20 bytes")
        #expect(try message(file("[]"), read) == "\(name) a safetensors file, found a header that is not a JSON object")
        #expect(
            try message(file("{\"a\":"), read) == "\(name) a safetensors file, found a header that is not a JSON object"
        )
        #expect(
            try message(file("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 4), read)
                == "\(name) tensor a within 4 bytes, found bytes 0 to 8")
        #expect(
            try message(file("{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8), read)
                == "\(name) 12 bytes for tensor a (F32 3), found 8 bytes")
        #expect(
            try message(file("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,8]}}", 8), read)
                == "\(name) dtype, shape and data_offsets of tensor a, found something else")
        #expect(
            try message(
                file("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", 8), read
            )
            .hasPrefix("\(name) \(Int.max) bytes for tensor a"))
        let first = "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}"
        func second(_ from: Int, _ to: Int) -> String {
            "\"b\":{\"dtype\":\"U8\",\"shape\":[\(to - from)],\"data_offsets\":[\(from),\(to)]}"
        }
        #expect(try message(file("{\(first),\(second(4, 8))}", 8), read) == "no error")
        #expect(
            try message(file("{\(first),\(second(5, 8))}", 8), read) == "\(name) tensor b at byte 4, found byte 5"
        )
        #expect(
            try message(file("{\(first),\(second(3, 8))}", 8), read) == "\(name) tensor b at byte 4, found byte 3"
        )
        #expect(try message(file("{\(first)}", 9), read) == "\(name) 4 bytes of tensors, found 9")
        #expect(throws: FileError.self) { _ = try SafetensorsFile(path: "\(folder.path)/none") }
    }

    @Test func otherFilesThrow() throws {
        let read: (String) throws -> Void = { _ = try Model(path: FilePath($0)) }
        let name = "model.safetensors: expected"
        #expect(
            try message(file("{}"), read) == "\(name) a model of format nuclei-model-1, found no format in its metadata"
        )
        #expect(
            try message(file("{\"__metadata__\":{\"format\":\"pt\"}}"), read)
                == "\(name) a model of format nuclei-model-1, found format pt")
        _ = try written()
        let whole = try withoutChecksum()
        #expect(try message(whole.prefix(whole.count - 1), read).hasPrefix("\(name) tensor "))
        // With one name changed, one tensor is missing and one is unknown.
        let renamed = String(decoding: whole.prefix(4096), as: Unicode.ASCII.self)
        #expect(renamed.contains("\"fc2.bias\""))
        var changed = whole
        changed.replaceSubrange(whole.range(of: Data("fc2.bias".utf8))!, with: Data("fc9.bias".utf8))
        #expect(try message(changed, read) == "\(name) tensor fc2.bias (2), found no such tensor")
        changed = whole
        let last = changed.count - 4
        changed.replaceSubrange(last..<last + 4, with: [0, 0, 0xC0, 0x7F])
        #expect(try message(changed, read).hasSuffix("variances of 0 or more, found another value in fc2.bias"))
        changed = whole
        changed.replaceSubrange(whole.range(of: Data("tileSize\\\":32".utf8))!, with: Data("tileSize\\\":28".utf8))
        #expect(try message(changed, read).hasPrefix("\(name) tensor fc1.weight as F32 84x"))
        changed.replaceSubrange(whole.range(of: Data("tileSize\\\":32".utf8))!, with: Data("tileSize\\\":14".utf8))
        #expect(try message(changed, read).hasPrefix("\(name) layers for tiles of 14 pixels, found "))
    }
}
