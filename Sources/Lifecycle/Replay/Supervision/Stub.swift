enum SupervisionTable { static let hash = "0000000000000000" }
