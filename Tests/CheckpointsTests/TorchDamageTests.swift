import Bytes
import Checkpoints
import TestSupport
import Testing

/// Files of PyTorch that were made to mislead: the bytes, and the exact message.
@Suite("A PyTorch file")
struct TorchDamageTests {
  typealias Forgery = TorchForgery

  struct Damage: Sendable, CustomTestStringConvertible {
    var name: String
    var bytes: @Sendable () -> [UInt8]
    var message: String
    var testDescription: String { name }
  }

  static func message(_ bytes: [UInt8]) -> String? {
    do throws(FormatError) {
      _ = try PyTorchContents(parsing: Buffer(bytes))
      return nil
    } catch { return error.description }
  }

  /// A state dict of one tensor `a` with a storage of six elements.
  static func model(
    _ storage: [UInt8] = Forgery.storage(6), offset: Int = 0, sizes: [Int] = [2, 3],
    strides: [Int] = [3, 1]
  ) -> [UInt8] {
    let tensor = Forgery.tensor(storage, offset: offset, sizes, strides)
    return Forgery.archive(Forgery.pickle(Forgery.dictionary([("a", tensor)])))
  }

  static func pickled(_ body: [UInt8]) -> [UInt8] { Forgery.archive(Forgery.pickle(body)) }

  /// A sound model with something beside it.
  static func beside(_ value: [UInt8]) -> [UInt8] {
    pickled(Forgery.dictionary([("state_dict", Forgery.sound), ("args", value)]))
  }

  static func zip(_ change: (inout Forgery.Entry) -> Void, _ more: [Forgery.Entry] = []) -> [UInt8]
  {
    var data = Forgery.Entry(name: "m/data/0", bytes: [UInt8](repeating: 1, count: 24))
    change(&data)
    return Forgery.zip(
      [.init(name: "m/data.pkl", bytes: Forgery.pickle(Forgery.sound)), data] + more)
  }

  @Test func `that is sound is read`() throws {
    let contents = try PyTorchContents(parsing: Buffer(Self.model()))
    #expect(contents.tensors.map(\.name) == ["a"])
    let beside = try PyTorchContents(
      parsing: Buffer(Self.beside(Forgery.global("argparse", "Namespace") + [0x29, 0x81])))
    #expect(
      beside.notes == [
        "the model is what the file holds under \"state_dict\"; left out: args (an object of "
          + "argparse.Namespace)"
      ])
  }

  @Test(arguments: pickles + structures + tensors + archives)
  func `that misleads is refused`(damage: Damage) {
    #expect(Self.message(damage.bytes()) == damage.message)
  }

  @Test func `is refused or read at every truncation and with every byte changed`() {
    let sound = Self.beside(Forgery.global("argparse", "Namespace") + [0x29, 0x81])
    for count in 0..<sound.count { #expect(Self.message(Array(sound[..<count])) != nil) }
    for index in sound.indices {
      for bit in [UInt8(0x01), 0x20, 0x80] {
        var changed = sound
        changed[index] ^= bit
        // No trap; what is read lies in the file.
        guard let contents = try? PyTorchContents(parsing: Buffer(changed)) else { continue }
        #expect(contents.tensors.allSatisfy { $0.byteCount <= changed.count + 64 << 20 })
      }
    }
  }

  @Test func `of 900,000 nested tuples costs no stack`() {
    let nested = Self.pickled([0x29] + [UInt8](repeating: 0x85, count: 900_000))
    #expect(Self.message(nested) == "the file holds a tuple of 1, a model's state_dict is needed")
  }

  @Test func `of more instructions than weights need is refused`() {
    let endless = Self.pickled([UInt8](repeating: 0x4e, count: 1_000_001))
    #expect(
      Self.message(endless)
        == "the pickle has more than 1000000 instructions, which no weights need (byte 0xf4269)")
  }

  @Test func `that shares a value a million times is looked at for a bounded time`() {
    // Each level holds the one below twice: 2⁴⁰ paths lead to the tensor.
    var body = Forgery.tensor(Forgery.storage(6), [6], [1])
    for level in 0..<40 {
      body += [0x71, UInt8(level), 0x68, UInt8(level)]
      body = body + [0x86]
    }
    let message = Self.message(Self.pickled(Forgery.dictionary([("model", body)])))
    #expect(message == "the file holds no tensors by name, so it is no model")
  }
}
