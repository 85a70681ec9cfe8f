# shellcheck shell=bash  # sourced by ./dev

# Scenarios drawn from seeds, over the simulated network: tests/jsp_sim.
cmd_sim() {
  require_packages BUILD
  build_preset release sim_seeds
  exec build/release/tests/sim_seeds "$@"
}
