import ArgumentParser
import Console
struct Synthesize: ParsableCommand { }
