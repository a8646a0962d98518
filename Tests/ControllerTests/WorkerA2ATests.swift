import Lifecycle
import Testing

@testable import Controller

@Suite("What a worker says of A2A")
struct WorkerA2ATests {
  struct Told: Sendable {
    let json: String
    let grpc: WorkerProcess.A2A.GRPC
    let isOverHTTP: Bool
  }

  @Test(
    "is taken where it makes sense, and nothing else",
    arguments: [
      Told(json: #"{"grpc":"unix","http":true}"#, grpc: .socket, isOverHTTP: true),
      Told(json: #"{"grpc":41234,"http":false}"#, grpc: .loopback(41234), isOverHTTP: false),
      Told(json: #"{"grpc":null,"http":true}"#, grpc: .none, isOverHTTP: true),
      Told(json: #"{"grpc":0}"#, grpc: .none, isOverHTTP: false),
      Told(json: #"{"grpc":65536}"#, grpc: .none, isOverHTTP: false),
      Told(json: #"{"grpc":-1,"http":"yes"}"#, grpc: .none, isOverHTTP: false),
      Told(json: #"{"grpc":"tcp"}"#, grpc: .none, isOverHTTP: false),
      Told(json: "[]", grpc: .none, isOverHTTP: false),
    ])
  func taken(_ told: Told) throws {
    let a2a = WorkerProcess.A2A(json: try JSONReader.decode(told.json))
    #expect(a2a.grpc == told.grpc)
    #expect(a2a.isOverHTTP == told.isOverHTTP)
  }
}
