/// Until the table of the supervisor's machine stands in the specification.
enum SupervisionTable { static let hash = "0" }
