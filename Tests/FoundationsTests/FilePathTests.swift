import Foundations
import Glibc
import Testing

struct FilePathTests {
    @Test func pathsOfOneCharacter() {
        let path: FilePath = "a"
        #expect(path.name == "a" && path.folder == "." && path.lowercasedExtension.isEmpty)
        #expect(path.sibling("b") == "b" && path.withSuffix(".tif") == "a.tif" && path.removingExtension == "a")
        let root: FilePath = "/"
        #expect(root.name == "/" && root.folder == "/" && root.isFolder && root.sibling("a") == "/a")
        #expect(FilePath(".").folder == "." && FilePath("~").name == "~")
    }

    @Test func parts() {
        let path: FilePath = "data/dir.d/Slide.SVS"
        #expect(path.name == "Slide.SVS" && path.folder == "data/dir.d" && path.lowercasedExtension == "svs")
        #expect(path.removingExtension == "data/dir.d/Slide" && path.sibling("b.png") == "data/dir.d/b.png")
        #expect(FilePath("data/dir.d/none").removingExtension == "data/dir.d/none")
        #expect(FilePath("a.tar.gz").removingExtension == "a.tar" && FilePath(".hidden").lowercasedExtension.isEmpty)
        #expect(FilePath("folder/").name == "folder" && FilePath("folder/").withSuffix(".x") == "folder.x")
        #expect(FilePath("/a").folder == "/" && FilePath("").folder == "." && FilePath("").name.isEmpty)
        let (folder, number): (FilePath, Int) = ("out", 3)
        #expect(("\(folder)/tile_\(number).png" as FilePath) == "out/tile_3.png")
    }

    @Test func relativePaths() throws {
        let folder = try TemporaryFolder()
        #expect(FilePath("a.png").relative(to: ".") == "a.png" && FilePath("out/a.png").relative(to: "out") == "a.png")
        #expect(FilePath("s/a.png").relative(to: "out/deep") == "../../s/a.png")
        #expect(FilePath("/x/y/a").relative(to: "/x") == "y/a")
        try Folder.make(folder.file("real"))
        #expect(symlink("real", folder.file("link").string) == 0)
        #expect(folder.file("link/a").relative(to: folder.file("real")) == "a")
    }

    @Test func filesFoldersAndLinks() throws {
        let folder = try TemporaryFolder()
        let file = try folder.file("a", "abc")
        #expect(file.exists && file.isFile && !file.isFolder)
        #expect(folder.path.exists && folder.path.isFolder && !folder.path.isFile)
        #expect(symlink("a", folder.file("link").string) == 0 && symlink("none", folder.file("broken").string) == 0)
        #expect(folder.file("link").isFile && folder.file("link").resolved == file.resolved)
        #expect(!folder.file("broken").exists && folder.file("broken").resolved == nil)
        #expect(file.resolved?.string.hasPrefix("/") == true)
    }
}
