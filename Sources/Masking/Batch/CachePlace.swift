import Foundations
import NeuralNetworks

/// Where the cache of an image is.
package enum CachePlace: Sendable {
    /// A file.
    case file(FilePath)
    /// A folder. The name of the cache depends on the image and the request, so that the same request finds it whatever
    /// folder its outputs are in.
    case folder(FilePath)

    /// The cache of a request.
    package func path(for fingerprint: MaskFingerprint) -> FilePath {
        switch self {
        case .file(let path): path
        case .folder(let folder): folder.appending("\(fingerprint.cacheName).windows")
        }
    }
}

extension MaskFingerprint {
    /// What the content of a cache depends on, except how the program computes it. Threshold, blend and outputs can change
    /// without computing anything again.
    private struct CacheKey: Encodable {
        let version: String
        let image: ImageState
        let model: String
        let resolution: String
        let tissue: String
        let stride: Int
        let edges: EdgeRule
        let nuclei: NucleusSettings?
        let precision: Precision?
    }

    /// The name of a cache: a digest, and the name of the image for people.
    fileprivate var cacheName: String {
        let key = CacheKey(
            version: version, image: image, model: model, resolution: resolution, tissue: tissue,
            stride: settings.stride, edges: settings.edges, nuclei: settings.nuclei,
            precision: settings.precision)
        do {
            return "\(SHA256.digest(of: try JSON.text(key)).prefix(16))-\(image.file.name)"
        } catch {
            preconditionFailure("settings have finite numbers only: \(error)")
        }
    }
}
