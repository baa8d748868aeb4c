import Foundation
import Testing

/// `nuclei-train info` and `nuclei-train export`.
struct ModelCommandTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func train(_ arguments: String...) throws -> Command.Result {
        try Command.train.start(arguments, in: work.path).wait()
    }

    @Test func bundledModelsAreDescribed() throws {
        let unet = try train("info", "nuclei-unet")
        #expect(unet.status == 0 && unet.output.contains("architecture  unet, 226316 parameters, outlines nuclei\n"))
        #expect(unet.output.contains("128 x 128 pixels, 0.5 microns per pixel\n") && unet.output.contains("x log odds"))
        #expect(!unet.output.contains("calibration"))
        let compact = try train("info", "nuclei-compact", "--json")
        let info = try work.json(compact.output)
        let description = try #require(info["description"] as? [String: Any])
        #expect(description["architecture"] as? String == "compact" && description["tileSize"] as? Int == 256)
        #expect(info["parameters"] as? Int == 172_930)
        #expect((info["calibration"] as? [String: Any])?["fittedOn"] as? String == "validation")
        let tiles = try #require(info["tiles"] as? [String: Any])
        #expect(
            tiles["train"] as? Int == 949 && tiles["test"] as? Int == 198 && info["scoredOn"] as? String == "validation"
        )
    }

    @Test func filesAreDescribedAndExported() throws {
        let model = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../models/nuclei-compact.safetensors").standardizedFileURL.path
        try FileManager.default.copyItem(atPath: model, toPath: "\(work.path)/m.safetensors")
        #expect(try train("info", "m.safetensors").output.hasPrefix("model         m.safetensors\n"))
        let result = try train("export", "m.safetensors", "--onnx", "m.onnx")
        #expect(result.status == 0 && result.output == "m.onnx: compact as ONNX\n", "\(result)")
        let bundled = try train("export", "nuclei-compact", "--onnx", "b.onnx")
        #expect(bundled.status == 0)
        #expect(FileManager.default.contentsEqual(atPath: "\(work.path)/m.onnx", andPath: "\(work.path)/b.onnx"))

        let onto = try train("export", "m.safetensors", "--onnx", "m.safetensors")
        #expect(
            onto.status == 73 && FileManager.default.contentsEqual(atPath: model, andPath: "\(work.path)/m.safetensors")
        )
        let missing = try train("info", "none.safetensors")
        #expect(missing.status == 66 && missing.errors.contains("none.safetensors"), "\(missing)")
        try work.write("text", to: "text.safetensors")
        #expect(try train("export", "text.safetensors", "--onnx", "t.onnx").status == 65)
        #expect(!work.files.contains("t.onnx"))
    }
}
