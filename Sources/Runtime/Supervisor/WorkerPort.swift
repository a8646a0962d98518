/// Where the ports of workers begin when nobody says otherwise (`SUPERVISOR_WORKER_PORT_BASE`).
package let firstWorkerPort: UInt16 = 8001
