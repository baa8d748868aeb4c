import Foundation
import Foundations
import Testing

/// Real images for tests, in the folder that the environment variable NUCLEI_DATA names, by default `shared/data` beside
/// the project. Each is nil where it is not there.
package enum RealImages {
    /// The folder of all.
    package static let folder = find("wsi")?.folder
    package static let slide = find("wsi/CMU-1-Small-Region.svs")
    package static let crops = find("crops")
    package static let tiles = find("nuclei_tiles")

    package static let missing: Comment =
        "no real images: set NUCLEI_DATA to a folder with wsi/, crops/ and nuclei_tiles/"

    private static func find(_ name: String) -> FilePath? {
        let root = FilePath(#filePath).folder.folder.folder
        let named = ProcessInfo.processInfo.environment["NUCLEI_DATA"].map { FilePath($0) }
        let path = (named ?? root.appending("../shared/data")).appending(name)
        return path.exists ? path : nil
    }
}
