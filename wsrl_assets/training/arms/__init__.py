"""What runs in the trainers' environment: one arm of a proof, trained and evaluated.

It imports, of this project, the reward and this package. The others meet it in files: a task and
its data go in, and a result, the answers and the trainer's log come out (see `task` and
`evaluation`).
"""
