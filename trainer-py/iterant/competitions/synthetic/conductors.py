"""synth-conductors: two energies of a crystal, from its make-up and its cell.

Rows are graded by their order, as upstream does it: the id column is not looked at.
"""

import math

from iterant.competitions.draws import Draws
from iterant.competitions.graders import Grader, mean_log_error
from iterant.competitions.spec import Made, Synthetic, csv_bytes, leaderboard_of

TRAIN_COUNT, TEST_COUNT = 1800, 600
TARGETS = ["formation_energy_ev_natom", "bandgap_energy_ev"]
FEATURES = [
    "spacegroup",
    "number_of_total_atoms",
    "percent_atom_al",
    "percent_atom_ga",
    "percent_atom_in",
    "lattice_vector_1_ang",
    "lattice_vector_2_ang",
    "lattice_vector_3_ang",
    "lattice_angle_alpha_degree",
    "lattice_angle_beta_degree",
]
SPACEGROUPS = [12, 33, 167, 194, 206, 227]

DESCRIPTION = """# Task

Predict two properties of a material: its formation energy and its bandgap energy.

# Metric

The root mean squared logarithmic error of each of the two columns, and of these the mean.

# Submission format

```
id,formation_energy_ev_natom,bandgap_energy_ev
1,0.1779,1.8892
```

Rows are taken in the order of `test.csv`.

# Dataset

- **train.csv** - `id`, ten columns of composition and cell (`spacegroup` is a category), both targets
- **test.csv** - the same without the targets
- **sample_submission.csv** - a submission in the right format
"""


def make(draws: Draws) -> Made:
    rows = _rows(draws, TRAIN_COUNT + TEST_COUNT)
    train, test = rows[:TRAIN_COUNT], rows[TRAIN_COUNT:]
    numbered = [(str(at + 1), *row) for at, row in enumerate(test)]
    truth = [(row[0], *row[-2:]) for row in numbered]
    means = [f"{sum(float(row[at]) for row in train) / TRAIN_COUNT:.4f}" for at in (-2, -1)]
    return Made(
        public={
            "train.csv": csv_bytes(["id", *FEATURES, *TARGETS], [(str(at + 1), *row) for at, row in enumerate(train)]),
            "test.csv": csv_bytes(["id", *FEATURES], [row[:-2] for row in numbered]),
        },
        answers=csv_bytes(["id", *TARGETS], truth),
        gold=None,
        sample=csv_bytes(["id", *TARGETS], [(row[0], *means) for row in truth]),
    )


def _rows(draws: Draws, count: int) -> list[tuple[str, ...]]:
    """Features and, last, the two targets, as they are printed; targets are computed from the printed features."""
    constants = draws.stream("constants")
    group_shift = {group: constants.uniform(-0.35, 0.35) for group in SPACEGROUPS}
    group_bend = {group: constants.uniform(0.5, 1.5) for group in SPACEGROUPS}
    phase_one, phase_two = constants.uniform(0, 6.28, size=2)
    stream, noise = draws.stream("features"), draws.stream("noise")
    rows = []
    for _ in range(count):
        group = SPACEGROUPS[stream.randint(6)]
        atoms = (10, 20, 30, 40, 60, 80)[stream.randint(6)]
        cuts = sorted(stream.random_sample(2))
        al, ga = round(cuts[0], 4), round(cuts[1] - cuts[0], 4)
        indium = round(1 - al - ga, 4)
        lengths = [
            round(low + span * stream.random_sample(), 4) for low, span in ((3.0, 22.0), (3.0, 8.0), (5.0, 20.0))
        ]
        angles = [round(90 + 30 * (stream.random_sample() - 0.5), 4) for _ in range(2)]
        density = atoms / (lengths[0] * lengths[1] * lengths[2])
        strain = math.sin(lengths[0] / 3.5 + phase_one) * group_bend[group] + 0.03 * (angles[0] - 90)
        formation = 0.16 + group_shift[group] * (al - indium) * 0.5 + 0.10 * strain * ga + 0.05 * math.tanh(4 * density)
        gap = (
            1.2 + 3.6 * al * al + 1.1 * ga - 0.9 * indium * math.sin(lengths[1] + phase_two) + 0.8 * group_shift[group]
        )
        gap += 0.5 * (angles[1] > 95) * group_bend[group] - 0.3 * math.tanh(3 * density)
        formation = max(0.0, formation + noise.normal(0, 0.01))
        gap = max(0.0, gap + noise.normal(0, 0.08))
        numbers = [*(al, ga, indium), *lengths, *angles]
        texts = [f"{number:.4f}" for number in (*numbers, formation, gap)]
        rows.append((str(group), str(atoms), *texts))
    return rows


CONDUCTORS = Synthetic(
    id="synth-conductors",
    name="Transparent conductors on paper",
    description=DESCRIPTION,
    sample_name="sample_submission.csv",
    gold_name=None,
    grader=Grader("mean-column-wise-rmsle", mean_log_error(targets=TARGETS)),
    leaderboard=leaderboard_of(best=0.035, worst=0.2),
    make=make,
)
