import Masking
import Testing

struct ShardTests {
    @Test func shardsPartAList() {
        for count in 1...7 {
            let parts = (1...count).map { number in (0..<20).filter(Shard(number: number, count: count)!.contains) }
            #expect(parts.joined().sorted() == Array(0..<20))
            for (number, part) in parts.enumerated() { #expect(part.first == number) }
        }
        #expect((0..<2).filter(Shard(number: 3, count: 5)!.contains) == [])
    }

    @Test func textsAreParsed() {
        #expect(Shard("2/10") == Shard(number: 2, count: 10) && Shard("1/1")?.description == "1/1")
        for text in ["", "1", "0/3", "4/3", "1/0", "-1/2", "1/2/3", "a/2", "1/"] {
            #expect(Shard(text) == nil, "\(text)")
        }
    }

    @Test func tasksOfSlurmArraysAreShards() {
        func shard(_ values: String...) -> Shard? {
            Shard(
                slurm: Dictionary(
                    uniqueKeysWithValues: zip(["ID", "COUNT", "MIN", "STEP"].map { "SLURM_ARRAY_TASK_\($0)" }, values)))
        }
        #expect(shard("3", "10") == Shard("3/10") && shard("1", "1", "1", "1") == Shard("1/1"))
        #expect(shard("0", "4", "0", "1") == Shard("1/4") && shard("9", "3", "5", "2") == Shard("3/3"))
        #expect(shard("8", "3", "5", "2") == nil && shard("9", "3", "1", "1") == nil && shard("3") == nil)
        #expect(shard("x", "3") == nil && shard() == nil)
        #expect(shard("\(Int.max)", "2", "-5") == nil && shard("\(Int.max)", "2", "0") == nil)
        #expect(shard("4", "2", "2", "1") == nil, "an array with gaps")
    }
}
