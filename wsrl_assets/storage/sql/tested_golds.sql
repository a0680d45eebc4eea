-- Those of the golds, registered as asked, that this version of the reward has tested.
SELECT t.gold_id, t.fault FROM tested_golds t SEMI JOIN asked a USING (gold_id)
WHERE t.reward = $reward
